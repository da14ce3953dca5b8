"""Every endpoint and route of the library, as its owner, as another, as an admin, and as nobody."""

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from PIL import Image
from pypdf import PdfReader

from studio.identity.accounts import Accounts
from studio.library.library import Library
from tests.server.conftest import Team


@dataclass(frozen=True)
class Kept:
    """A work of Mei's, shared by nobody."""

    id: str
    digest: str


@pytest.fixture(scope="module")
def kept(team: Team, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    picture = tmp_path_factory.mktemp("mine") / "secret.png"
    Image.effect_noise((32, 32), 50).save(picture)
    mei = client(team, "mei")
    saved = mei.predict(
        kind="picture",
        title="Mei's secret",
        made={"infotext": "a secret"},
        files=[handle_file(picture)],
        tags=["hidden"],
        api_name="/save_work",
    )
    work = mei.predict(id=saved["work"], api_name="/work")
    return Kept(saved["work"], work["version"]["files"][0]["sha256"])


def client(team: Team, name: str) -> Client:
    return Client(team.server.url, headers={"authorization": f"Bearer {team.tokens[name]}"}, verbose=False)


ROUTES = {
    "/library/works/{id}": 400,
    "/library/works/{id}/1": 400,
    "/library/file/{digest}": 400,
    "/library/thumbnail/{digest}": 400,
}
DEEDS = (
    {"do": "rate", "work": "{id}", "version": 1, "rating": 1},
    {"do": "name", "work": "{id}", "version": 1, "name": "mine"},
    {"do": "restore", "work": "{id}", "version": 1},
    {"do": "branch", "work": "{id}", "version": 1},
    {"do": "share", "work": "{id}", "version": 1},
    {"do": "revoke", "work": "{id}", "version": 1},
    {"do": "shared", "work": "{id}", "version": 1},
)
IN_VAIN = (
    {"do": "change", "works": ["{id}"], "title": "mine", "favourite": True, "add_tags": ["mine"]},
    {"do": "trash", "works": ["{id}"]},
    {"do": "bring_back", "works": ["{id}"]},
    {"do": "empty", "works": ["{id}"]},
)


def filled(value: object, kept: Kept) -> object:
    if isinstance(value, str):
        return value.replace("{id}", kept.id).replace("{digest}", kept.digest)
    if isinstance(value, dict):
        return {name: filled(each, kept) for name, each in value.items()}
    return [filled(each, kept) for each in value] if isinstance(value, list) else value


@pytest.fixture(params=["tom", "ada"])
def other(team: Team, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """Another user, and an admin, who sees no more of it."""
    with team.client(request.param) as found:
        yield found


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_leads_only_its_owner_there(team: Team, kept: Kept, other: httpx.Client, route: str) -> None:
    address = str(filled(route, kept))
    assert other.get(address).status_code == ROUTES[route]
    with team.client("mei") as mei, team.client() as nobody:
        assert mei.get(address).status_code == 200
        assert nobody.get(address).status_code == 401


@pytest.mark.parametrize("deed", DEEDS, ids=lambda deed: deed["do"])
def test_a_deed_is_refused_to_others(team: Team, kept: Kept, other: httpx.Client, deed: dict[str, object]) -> None:
    assert other.post("/library/do", json=filled(deed, kept)).status_code == 400
    with team.client() as nobody:
        assert nobody.post("/library/do", json=filled(deed, kept)).status_code == 401


@pytest.mark.parametrize("deed", IN_VAIN, ids=lambda deed: deed["do"])
def test_a_deed_on_many_passes_over_what_is_anothers(
    team: Team, kept: Kept, other: httpx.Client, deed: dict[str, object]
) -> None:
    assert other.post("/library/do", json=filled(deed, kept)).json() == {"count": 0}
    with team.client("mei") as mei:
        work = mei.get(f"/library/works/{kept.id}").json()
    assert (work["title"], work["tags"], work["favourite"], work["trashed"]) == (
        "Mei's secret",
        ["hidden"],
        False,
        None,
    )


def test_lists_counts_and_filters_tell_nothing_of_it(kept: Kept, other: httpx.Client) -> None:
    for search in ("", "?query=secret", "?tag=hidden", "?trashed=1", "?kind=picture"):
        told = other.get(f"/library/works{search}").json()
        assert (told["works"], told["total"]) == ([], 0)
    assert other.get("/library/facets").json()["tags"] == []
    assert other.get("/library/runs").json() == {"runs": []}
    assert other.post("/library/export", json={"works": [kept.id]}).status_code == 400
    assert other.post("/library/runs", json={"job": "code-start", "number": 1}).json() == {"stopped": False}


def test_an_article_shows_nothing_of_it(team: Team, kept: Kept, other: httpx.Client) -> None:
    article = {"text": f"# A\n\n![x](/library/file/{kept.digest})", "format": "html"}
    assert "data:image" not in other.post("/library/article", json=article).text
    with team.client("mei") as mei:
        assert "data:image" in mei.post("/library/article", json=article).text
        hers = mei.post("/library/article", json={**article, "format": "pdf"})
    assert hers.headers["content-type"] == "application/pdf"
    theirs = other.post("/library/article", json={**article, "format": "pdf"})
    assert [len(PdfReader(io.BytesIO(pdf.content)).pages[0].images) for pdf in (hers, theirs)] == [1, 0]


@pytest.mark.parametrize("name", ["tom", "ada"])
def test_endpoints_refuse_what_is_anothers(team: Team, kept: Kept, name: str) -> None:
    caller = client(team, name)
    for endpoint, arguments in {
        "/work": {},
        "/versions": {},
        "/restore_version": {"version": 1},
        "/rate": {"rating": 5},
    }.items():
        with pytest.raises(Exception, match="no work"):
            caller.predict(id=kept.id, api_name=endpoint, **arguments)
    with pytest.raises(Exception, match="no work"):
        caller.predict(ids=[kept.id], api_name="/export_works")
    assert caller.predict(id=kept.id, api_name="/trash_work") == {"count": 0}
    assert caller.predict(query="secret", api_name="/works")["total"] == 0
    saved = caller.predict(kind="picture", title="x", made={"infotext": "x"}, work=kept.id, api_name="/save_work")
    assert saved["work"] != kept.id
    caller.predict(id=saved["work"], api_name="/trash_work")
    with team.client(name) as plain:
        plain.post("/library/do", json={"do": "empty"})


def test_a_shared_link_shows_one_version_to_nobody_in_particular(team: Team, kept: Kept) -> None:
    with team.client("mei") as mei, team.client() as nobody:
        link = mei.post("/library/do", json={"do": "share", "work": kept.id, "version": 1}).json()["link"]
        page = nobody.get(link)
        assert page.status_code == 200
        assert "Mei&#x27;s secret" in page.text
        assert "script" not in page.text
        picture = nobody.get(f"{link}/{kept.digest}")
        assert Image.open(io.BytesIO(picture.content)).size == (32, 32)
        assert nobody.get(f"{link}/{'a' * 64}").status_code == 404
        mei.post("/library/do", json={"do": "revoke", "work": kept.id, "version": 1})
        assert nobody.get(link).status_code == 404
        assert nobody.get(f"{link}/{kept.digest}").status_code == 404


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"do": "fly"}', b'{"do": "rate", "work": 1, "rating": "many"}'])
def test_what_makes_no_sense_is_refused_in_words(team: Team, body: bytes) -> None:
    with team.client("mei") as mei:
        answer = mei.post("/library/do", content=body)
    assert answer.status_code == 400
    assert len(answer.json()["detail"]) > 10


def test_a_text_with_script_in_it_is_only_text(team: Team, tmp_path: Path) -> None:
    mei = client(team, "mei")
    saved = mei.predict(kind="article", title="<script>1</script>", made={"text": "<img src=x>"}, api_name="/save_work")
    with team.client("mei") as plain, team.client() as nobody:
        link = plain.post("/library/do", json={"do": "share", "work": saved["work"], "version": 1}).json()["link"]
        page = nobody.get(link)
    assert "<script" not in page.text
    assert "<img src=x" not in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_what_a_removed_account_made_is_nobodys_to_see(team: Team) -> None:
    accounts = Accounts(team.folder / "data")
    accounts.add("eve")
    token = accounts.issue("eve").text
    eve = Client(team.server.url, headers={"authorization": f"Bearer {token}"}, verbose=False)
    saved = eve.predict(kind="article", title="Eve's", made={"text": "words"}, api_name="/save_work")
    accounts.remove("eve")
    headers = {"authorization": f"Bearer {token}"}
    assert httpx.get(f"{team.server.url}/library/works/{saved['work']}", headers=headers).status_code == 401
    with team.client("ada") as admin:
        assert admin.get(f"/library/works/{saved['work']}").status_code == 400
    library = Library(team.folder / "data" / "library")
    assert ("user:eve", 1, 0) in library.works.sums()  # the host still knows that there is something
    library.close()
