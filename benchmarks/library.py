"""The library with many works: lists, searches, opening, saving and drafts, on SQLite and on PostgreSQL.

    uv run python -m benchmarks.library [--works 10000] [--postgresql postgresql+psycopg://user:password@host/empty]

Half of the works are Chinese. Times are medians of twenty, in milliseconds; lists and searches begin cold in SQLite's
own cache, whose connection is opened anew.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from studio.library.library import Library
from studio.library.values import File, Made, Search

ROUNDS = 20
WORDS = [
    "river",
    "stone",
    "lantern",
    "winter",
    "garden",
    "paper",
    "engine",
    "quiet",
    "morning",
    "copper",
    "market",
    "window",
    "letter",
    "orchard",
    "harbour",
]
CHINESE = [
    "北京",
    "人工智能",
    "写作",
    "图片",
    "窗台",
    "小猫",
    "花园",
    "早晨",
    "灯笼",
    "河流",
    "咖啡",
    "城市",
    "设计师",
    "文章",
    "代码",
    "山水",
    "春天",
    "书店",
    "音乐",
    "旅行",
]


def text(chance: random.Random, words: int, *, chinese: bool) -> str:
    """So many words of a language."""
    return ("" if chinese else " ").join(chance.choice(CHINESE if chinese else WORDS) for _ in range(words))


def filled(library: Library, count: int) -> float:
    """Save so many works; returns the seconds each took."""
    chance = random.Random(1)
    began = time.perf_counter()
    for number in range(count):
        chinese = number % 2 == 0
        title, body = text(chance, 6, chinese=chinese), text(chance, 120, chinese=chinese)
        kind = chance.choice(["article", "snippet", "picture"])
        made = {"article": {"text": body}, "snippet": {"code": body}, "picture": {"infotext": body}}[kind]
        tags = (chance.choice(WORDS),)
        library.works.save(
            "local", Made(kind, title, {"prompt": title}, made, {}, (), f"model-{number % 7}", tags=tags)
        )
    return (time.perf_counter() - began) / count


def median(work: Callable[[], object]) -> float:
    """Milliseconds that something takes."""
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times) * 1000


def measured(name: str, url: str, count: int) -> None:
    """Fill a library and print what everything takes."""
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder) / "library", url)
        each = filled(library, count)
        library.close()
        some = library.works.find("local", Search(limit=60, sort="oldest")).works
        after = library.works.find("local", Search(limit=500)).after
        figures = {
            "save a work": each * 1000,
            "list page": median(lambda: library.works.find("local", Search())),
            "tenth page": median(lambda: library.works.find("local", Search(after=after))),
            "search English": median(lambda: library.works.find("local", Search(query="lantern harbour"))),
            "search Chinese": median(lambda: library.works.find("local", Search(query="窗台小猫"))),
            "search a common word": median(lambda: library.works.find("local", Search(query="人工智能"))),
            "filter and sort": median(
                lambda: library.works.find("local", Search(kind="picture", model="model-3", sort="title"))
            ),
            "by tag": median(lambda: library.works.find("local", Search(tag="river"))),
            "facets": median(lambda: library.works.facets("local")),
            "open a work": median(lambda: library.works.versions("local", some[7].id)),
            "save a picture": pictures(library, Path(folder)),
            "save a draft of 10,000 words": median(lambda: library.drafts.save("local", "write", {"text": LONG}, "w")),
        }
        for figure, milliseconds in figures.items():
            print(f"{name:11} {count:>7} works  {figure:29} {milliseconds:8.1f} ms")
        library.close()


LONG = text(random.Random(2), 10_000, chinese=False)


def pictures(library: Library, folder: Path) -> float:
    """Milliseconds that keeping a picture takes beyond having its file."""
    chance = random.Random(3)
    files = []
    for number in range(ROUNDS):
        files.append(folder / f"{number}.png")
        files[-1].write_bytes(chance.randbytes(600_000))
    waiting = iter(files)
    return median(
        lambda: library.works.save(
            "local", Made("picture", "p", {"prompt": "river 花园"}, {"infotext": "x"}, {}, (File(next(waiting)),))
        )
    )


def main() -> None:
    """Measure what is asked for."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--works", type=int, default=10_000)
    options.add_argument("--postgresql", default="", help="An empty database.")
    given = options.parse_args()
    measured("SQLite", "", given.works)
    if given.postgresql:
        measured("PostgreSQL", given.postgresql, given.works)


if __name__ == "__main__":
    main()
