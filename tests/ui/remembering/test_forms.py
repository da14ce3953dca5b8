"""A form goes into a draft and comes back, with its own files and no other."""

from collections.abc import Iterator
from pathlib import Path

import gradio as gr
import pytest
from gradio.utils import get_upload_folder
from PIL import Image

from studio.library.library import Library
from studio.library.values import File, Made
from studio.ui.remembering.forms import Form


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Library]:
    library = Library(tmp_path / "library")
    yield library
    library.close()


@pytest.fixture
def form(library: Library) -> Form:
    with gr.Blocks():
        fields = {"prompt": gr.Textbox(), "picture": gr.Image(type="filepath"), "work": gr.State(None)}
    return Form(library, fields, ("work",))


@pytest.fixture
def uploaded() -> Path:
    folder = Path(get_upload_folder()) / "of-a-test"
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), "red").save(folder / "mine.png")
    return folder / "mine.png"


def test_words_and_pictures_come_back_to_their_owner(form: Form, library: Library, uploaded: Path) -> None:
    state, digests = form.state(["a cat", {"path": str(uploaded), "orig_name": "mine.png"}, "w1"])
    library.drafts.save("ada", "image", state, "w1", digests)
    content = uploaded.read_bytes()
    uploaded.unlink()  # temporary files go after a day
    updates = form.updates("ada", state)
    shown = {name: updates[component] for name, component in form.fields.items() if component in updates}
    assert shown["prompt"]["value"] == "a cat"
    assert shown["work"] == "w1"
    assert Path(shown["picture"]).read_bytes() == content
    assert form.fields["picture"] not in form.updates("bob", state)


def test_a_path_on_the_server_is_no_file_of_a_form(form: Form, library: Library, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(b"secret")
    for value in ({"path": str(tmp_path / "secret.png")}, {"path": f"{get_upload_folder()}/../../etc/passwd"}):
        state, digests = form.state([value, value, None])
        assert digests == []
        assert state["picture"] is None
    assert list(library.assets.all()) == []
    for value in (str(tmp_path / "secret.png"), {"path": str(tmp_path / "secret.png")}):
        assert form.fields["picture"] not in form.updates("ada", {"picture": value})


def test_anothers_file_is_not_named_into_a_form(form: Form, library: Library, tmp_path: Path) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "ada.png")
    saved = library.works.save("ada", Made("picture", "x", {}, {}, {}, (File(tmp_path / "ada.png"),)))
    digest = library.works.version("ada", saved.work).files[0].digest
    assert form.fields["picture"] in form.updates("ada", {"picture": {"asset": digest}})
    assert form.fields["picture"] not in form.updates("bob", {"picture": {"asset": digest}})
    assert form.fields["picture"] not in form.updates("bob", {"picture": {"asset": "../../etc/passwd"}})


def test_a_preset_keeps_words_and_no_work(form: Form, uploaded: Path) -> None:
    state, _ = form.state(["a cat", {"path": str(uploaded)}, "w1"])
    assert form.reusable(state) == {"prompt": "a cat"}
