"""Endpoints of a studio that has models for some tasks only."""

from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from studio.messages import message
from tests.browser.pretend import SNIPPET, pretend_studio
from tests.support.pictures import save_photo

CUT = "```python\n" + "".join(f"value_{number} = {number} * {number + 1}\n" for number in range(4000))


def test_what_the_catalogue_has_no_model_for_is_told_in_words(tmp_path: Path) -> None:
    picture = save_photo(tmp_path / "picture.png")
    with pretend_studio(tmp_path, "text") as url:
        client = Client(url, verbose=False)
        with pytest.raises(AppError, match="no model for image"):
            client.predict("a red door", api_name="/generate_image")
        with pytest.raises(AppError, match="no model for upscale"):
            client.predict(handle_file(picture), api_name="/upscale")
        client.close()
    with pretend_studio(tmp_path, "image") as url:
        client = Client(url, verbose=False)
        with pytest.raises(AppError, match="no model for text"):
            client.predict("bees", api_name="/outline")
        with pytest.raises(AppError, match="no model for code"):
            client.predict("adds two numbers", api_name="/generate_code")
        client.close()


@pytest.mark.parametrize(("snippet", "notice"), [(CUT, message("code.notice.length")), (SNIPPET, None)])
def test_a_snippet_that_was_cut_off_says_so(tmp_path: Path, snippet: str, notice: str | None) -> None:
    with pretend_studio(tmp_path, "code", snippet=snippet) as url:
        client = Client(url, verbose=False)
        answer = client.predict("squares", language="python", api_name="/generate_code")
        assert answer["notice"] == notice
        assert answer["report"]["language"] == "python"
        client.close()
