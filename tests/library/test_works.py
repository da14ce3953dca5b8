"""What an owner keeps is found again, by them and by nobody else, on SQLite and on PostgreSQL."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from studio.errors import InvalidRequest, TooMuch
from studio.library.database.segmenting import asked, indexed
from studio.library.library import Library
from studio.library.upkeep import Quota
from studio.library.values import File, Made, Saved, Search


def picture(folder: Path, name: str, colour: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.png"
    Image.new("RGB", (8, 8), colour).save(file)
    return file


def drawn(prompt: str, *files: Path, model: str = "tiny") -> Made:
    kept = tuple(File(file) for file in files)
    return Made("picture", prompt[:80], {"prompt": prompt}, {"infotext": prompt}, {"steps": 4}, kept, model)


def written(title: str, text: str) -> Made:
    return Made("article", title, {"brief": {"topic": title}}, {"text": text})


def ids(library: Library, owner: str, **search: object) -> list[str]:
    return [work.id for work in library.works.find(owner, Search(**search)).works]  # type: ignore[arg-type]


def test_what_is_saved_is_there_with_its_file_and_all_that_made_it(library: Library, tmp_path: Path) -> None:
    file = picture(tmp_path, "cat", "red")
    content = file.read_bytes()
    saved = library.works.save("ada", drawn("a red cat", file))
    work, version = library.works.work("ada", saved.work), library.works.version("ada", saved.work)
    assert (work.kind, work.title, work.versions, work.model) == ("picture", "a red cat", 1, "tiny")
    assert (version.asked, version.settings) == ({"prompt": "a red cat"}, {"steps": 4})
    found = library.works.file("ada", version.files[0].digest)
    assert found is not None
    assert found[0].read_bytes() == content


def test_the_same_file_is_kept_once(library: Library, tmp_path: Path) -> None:
    first, second = picture(tmp_path / "a", "cat", "red"), picture(tmp_path / "b", "cat", "red")
    library.works.save("ada", drawn("one", first))
    library.works.save("ada", drawn("two", second))
    assert len(list(library.assets.all())) == 1


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("我在北京大学写了一篇关于人工智能的文章", "北京"),
        ("我在北京大学写了一篇关于人工智能的文章", "人工智能"),
        ("我在北京大学写了一篇关于人工智能的文章", "京大"),
        ("我在北京大学写了一篇关于人工智能的文章", "文章 北京"),
        ("在窗台上睡觉的猫", "窗台"),
        ("The Café on the corner", "cafe corner"),
        ("The Café on the corner", "COR"),
        ("ＦＵＬＬ　ｗｉｄｔｈ", "full width"),
        ("a rocket 🚀 and 2 stars", "🚀"),
        ("مرحبا بالعالم", "بالعالم"),
    ],
)
def test_it_is_found_by_its_words_in_any_language(library: Library, text: str, query: str) -> None:
    saved = library.works.save("ada", written("title", text))
    library.works.save("ada", written("other", "nothing of it 别的东西"))
    assert ids(library, "ada", query=query) == [saved.work]
    assert ids(library, "bob", query=query) == []


@pytest.mark.parametrize(
    "query", ['"', "a OR b", "NEAR(a b)", "*", "(((", "'; DROP TABLE works; --", "-", "🙂", "%_", "x" * 10_000]
)
def test_no_search_is_taken_for_a_language(library: Library, query: str) -> None:
    library.works.save("ada", written("plain", "words"))
    assert library.works.find("ada", Search(query=query)).works == ()
    assert len(library.works.find("ada", Search()).works) == 1


@given(st.text(alphabet="我在北京大学写文章人工智能的猫 abcé1", min_size=1, max_size=30), st.data())
@settings(max_examples=200)
def test_every_part_of_a_text_finds_it(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    part = text[start:end]
    if any(character.isascii() or character == "é" for character in part):
        words = [word for word in text.replace("é", "e").split() if word]
        part = data.draw(st.sampled_from(words)) if words else ""
    known = indexed(text)
    for word, begins in asked(part):
        assert word in known or (begins and any(each.startswith(word) for each in known))


def test_filters_and_orders(library: Library, tmp_path: Path) -> None:
    red = library.works.save("ada", drawn("red", picture(tmp_path, "red", "red"), model="one")).work
    blue = library.works.save("ada", drawn("blue", picture(tmp_path, "blue", "blue"), model="two")).work
    text = library.works.save("ada", written("About", "words")).work
    library.works.change("ada", [red, text], add_tags=["spring"], favourite=True)
    library.works.rate("ada", blue, 1, 5)
    library.works.rate("ada", red, 1, 2)
    assert ids(library, "ada") == [text, blue, red]
    assert ids(library, "ada", sort="oldest") == [red, blue, text]
    assert ids(library, "ada", sort="title") == [text, blue, red]
    assert ids(library, "ada", sort="rating") == [blue, red, text]
    assert ids(library, "ada", kind="article") == [text]
    assert ids(library, "ada", model="two") == [blue]
    assert ids(library, "ada", tag="spring") == [text, red]
    assert ids(library, "ada", rating=3) == [blue]
    assert ids(library, "ada", favourite=True, kind="picture") == [red]
    assert library.works.facets("ada") == {
        "kinds": ["article", "picture"],
        "models": ["one", "two"],
        "tags": ["spring"],
    }


@pytest.mark.parametrize("sort", ["newest", "oldest", "title", "rating"])
def test_pages_hold_every_work_once(library: Library, sort: str) -> None:
    made = [library.works.save("ada", written(f"title {number % 3}", "x")).work for number in range(11)]
    library.works.rate("ada", made[4], 1, 3)
    seen, after = [], ""
    while True:
        page = library.works.find("ada", Search(sort=sort, limit=4, after=after))  # type: ignore[arg-type]
        assert page.total == 11
        seen += [work.id for work in page.works]
        if not (after := page.after):
            break
    assert sorted(seen) == sorted(made)
    assert seen == ids(library, "ada", sort=sort)


@pytest.mark.parametrize("after", ["x", "bm9wZQ==", "WzEsMiwzXQ==", "WyJ0aXRsZSIsIDEsIDFd"])
def test_a_made_up_place_in_a_list_is_refused(library: Library, after: str) -> None:
    with pytest.raises(InvalidRequest):
        library.works.find("ada", Search(after=after))


def test_versions_are_a_history_in_which_nothing_is_lost(library: Library) -> None:
    first = library.works.save("ada", written("A", "one"))
    second = library.works.save("ada", written("A", "two"), first.work)
    assert second == Saved(first.work, 2)
    restored = library.works.restore("ada", first.work, 1)
    assert restored.version == 3
    history = library.works.versions("ada", first.work)
    assert [(version.number, version.parent, version.how, version.made["text"]) for version in history] == [
        (3, 1, "restored", "one"),
        (2, 1, "made", "two"),
        (1, None, "made", "one"),
    ]
    library.works.name("ada", first.work, 2, "  the long\none ")
    library.works.rate("ada", first.work, 2, 4, "reads well")
    second_version = library.works.version("ada", first.work, 2)
    assert (second_version.name, second_version.rating, second_version.why) == ("the long one", 4, "reads well")
    branched = library.works.branch("ada", first.work, 2)
    assert library.works.work("ada", branched.work).origin == f"{first.work}:2"
    assert library.works.version("ada", branched.work).made["text"] == "two"


def test_another_kind_is_no_version_of_a_work(library: Library) -> None:
    first = library.works.save("ada", written("A", "one"))
    other = library.works.save("ada", Made("snippet", "b", {}, {"code": "x"}), first.work)
    assert other.work != first.work


def test_nobody_reaches_what_is_anothers(library: Library, tmp_path: Path) -> None:
    saved = library.works.save("ada", drawn("secret", picture(tmp_path, "cat", "red")))
    digest = library.works.version("ada", saved.work).files[0].digest
    works = library.works
    for attempt in (
        lambda: works.work("bob", saved.work),
        lambda: works.version("bob", saved.work),
        lambda: works.versions("bob", saved.work),
        lambda: works.restore("bob", saved.work, 1),
        lambda: works.branch("bob", saved.work, 1),
        lambda: works.rate("bob", saved.work, 1, 5),
        lambda: works.name("bob", saved.work, 1, "mine"),
        lambda: library.sharing.share("bob", saved.work, 1),
        lambda: library.sharing.link("bob", saved.work, 1),
        lambda: library.sharing.revoke("bob", saved.work, 1),
        lambda: library.drafts.file("bob", digest),
    ):
        with pytest.raises(InvalidRequest):
            attempt()
    assert works.change("bob", [saved.work], title="mine", favourite=True, add_tags=["x"]) == 0
    assert library.trash.put("bob", [saved.work]) == 0
    assert works.file("bob", digest) is None
    assert works.find("bob", Search()).total == 0
    assert works.facets("bob") == {"kinds": [], "models": [], "tags": []}
    assert works.save("bob", drawn("mine"), saved.work).work != saved.work
    assert works.work("ada", saved.work).versions == 1


def test_the_trash_gives_back_and_lets_go(library: Library, tmp_path: Path) -> None:
    file = picture(tmp_path, "cat", "red")
    kept = library.works.save("ada", drawn("kept", picture(tmp_path, "dog", "blue"))).work
    gone = library.works.save("ada", drawn("gone", file)).work
    assert library.trash.put("ada", [gone, kept]) == 2
    assert ids(library, "ada") == []
    assert library.trash.restore("ada", [kept]) == 1
    assert ids(library, "ada") == [kept]
    assert library.trash.empty("ada") == 1
    with pytest.raises(InvalidRequest):
        library.works.work("ada", gone)
    assert library.upkeep.sweep(0) == 1
    assert not file.exists()  # what the craft had put elsewhere is not left behind
    assert len(list(library.assets.all())) == 1


def test_a_shared_version_is_seen_until_it_is_not(library: Library, tmp_path: Path) -> None:
    saved = library.works.save("ada", drawn("a cat", picture(tmp_path, "cat", "red")))
    library.works.save("ada", drawn("a later cat", picture(tmp_path, "later", "blue")), saved.work)
    token = library.sharing.share("ada", saved.work, 1)
    assert library.sharing.share("ada", saved.work, 1) == token
    seen = library.sharing.seen(token)
    assert seen is not None
    assert seen[1].number == 1
    later = library.works.version("ada", saved.work, 2).files[0].digest
    assert library.sharing.file(token, seen[1].files[0].digest) is not None
    assert library.sharing.file(token, later) is None
    assert library.sharing.seen("x" * 200) is None
    library.trash.put("ada", [saved.work])
    assert library.sharing.seen(token) is None
    library.trash.restore("ada", [saved.work])
    library.sharing.revoke("ada", saved.work, 1)
    assert library.sharing.seen(token) is None


def test_strange_titles_are_kept_in_order(library: Library) -> None:
    for title in ["x" * 2**20, "שלום", "\u202eabc", "a\x00b", "\ud83d", "🙂" * 500, "", " \n "]:
        saved = library.works.save("ada", written(title, "text \ud83d \x00"))
        work = library.works.work("ada", saved.work)
        assert 0 < len(work.title) <= 300
        assert work.title.isprintable()


def test_a_quota_is_refused_before_anything_is_kept(tmp_path: Path, url: str) -> None:
    first, second = picture(tmp_path, "a", "red"), picture(tmp_path, "b", "blue")
    library = Library(tmp_path / "small", url, Quota(owner=first.stat().st_size + second.stat().st_size - 1))
    library.works.save("ada", drawn("one", first))
    with pytest.raises(TooMuch):
        library.works.save("ada", drawn("two", second))
    library.works.save("bob", drawn("two", second))
    assert library.works.find("ada", Search()).total == 1
    assert set(library.works.sums()) == {("ada", 1, first.stat().st_size), ("bob", 1, second.stat().st_size)}
    library.close()


def test_drafts_prompts_and_presets_are_each_owners(library: Library, tmp_path: Path) -> None:
    digest = library.drafts.keep(picture(tmp_path, "sketch", "green"))
    library.drafts.save("ada", "image", {"prompt": "a cat", "picture": {"asset": digest}}, assets=[digest])
    library.drafts.save("ada", "image", {"prompt": "a work"}, work="w1")
    last = library.drafts.last("ada", "image")
    assert last is not None
    assert (last.work, last.state) == ("w1", {"prompt": "a work"})
    assert library.drafts.last("bob", "image") is None
    assert library.drafts.file("ada", digest).is_file()
    assert library.upkeep.sweep(0) == 0  # a draft needs its files
    library.drafts.drop("ada", "image")
    assert library.upkeep.sweep(0) == 1
    for prompt in ("one", "two", "one"):
        library.recall.used("ada", "image", prompt)
    assert library.recall.prompts("ada", "image") == ["one", "two"]
    assert library.recall.prompts("bob", "image") == []


def test_a_work_is_still_found_by_what_it_was_asked_for_at_first(library: Library) -> None:
    saved = library.works.save("ada", Made("article", "A", {"brief": {"topic": "养蜂 beekeeping"}}, {"text": "plan"}))
    library.works.save("ada", Made("article", "A", {"what": "article"}, {"text": "whole"}), saved.work)
    assert ids(library, "ada", query="beekeeping") == ids(library, "ada", query="养蜂") == [saved.work]
