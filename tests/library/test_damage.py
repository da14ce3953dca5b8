"""What can go wrong with a library's files: damage, newer studios, locks, full and read-only disks, hostile bundles."""

import errno
import json
import sqlite3
import stat
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path

import pytest
from PIL import Image

from studio.errors import InvalidRequest, StorageFailed, StudioError
from studio.library.assets import unkept
from studio.library.bundles import FORMAT, Bundle, schema
from studio.library.database.database import HEAD, refused
from studio.library.library import Library
from studio.library.values import File, Made, Search


def saved(library: Library, folder: Path, owner: str = "ada", colour: str = "red") -> str:
    file = folder / f"{colour}.png"
    Image.new("RGB", (8, 8), colour).save(file)
    return library.works.save(
        owner, Made("picture", colour, {"prompt": colour}, {"infotext": "x"}, {}, (File(file),))
    ).work


@pytest.fixture
def local(tmp_path: Path) -> Library:
    return Library(tmp_path / "library")


def test_the_newest_migration_is_the_one_that_the_studio_expects() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    from studio.library.database import migrations

    config = Config()
    config.set_main_option("script_location", str(Path(str(migrations.__file__)).parent))
    assert ScriptDirectory.from_config(config).get_current_head() == HEAD


def test_migrated_tables_are_those_that_are_declared(library: Library) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    from studio.library.database.records import Base

    def compared(session: object) -> list[object]:
        context = MigrationContext.configure(session.connection())  # type: ignore[attr-defined]
        return [change for change in compare_metadata(context, Base.metadata) if "works_words" not in str(change)]

    assert library.database.read(compared) == []


def test_a_damaged_file_is_kept_aside_and_the_backup_put_in_its_place(local: Library, tmp_path: Path) -> None:
    work = saved(local, tmp_path)
    assert local.database.file is not None
    local.database.backups.make(local.database.file, "test")
    local.close()
    for suffix in ("-wal", "-shm"):
        local.database.file.with_name(f"library.db{suffix}").unlink(missing_ok=True)
    local.database.file.write_bytes(b"\x00" * 5000)
    with pytest.raises(StorageFailed) as refusal:
        local.works.find("ada", Search())
    assert refusal.value.code == "library.kept_aside"
    aside = list(local.database.file.parent.glob("library-damaged-*.db"))
    assert [file.read_bytes() for file in aside] == [b"\x00" * 5000]
    with pytest.raises(StorageFailed):  # nobody has decided yet, and nothing is begun anew over it
        local.works.find("ada", Search())
    assert local.restore_backup() is not None
    assert local.works.work("ada", work).title == "red"
    local.close()


def test_a_newer_studios_library_is_left_alone(local: Library, tmp_path: Path) -> None:
    saved(local, tmp_path)
    local.close()
    assert local.database.file is not None
    with sqlite3.connect(local.database.file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    connection.close()
    with pytest.raises(StorageFailed) as refusal:
        local.works.find("ada", Search())
    assert refusal.value.code == "library.newer"
    assert "9999" in refusal.value.explain("zh-CN")


def test_a_backup_is_made_before_a_migration(local: Library, tmp_path: Path) -> None:
    saved(local, tmp_path)
    local.close()
    assert local.database.file is not None
    before = len(local.database.backups.all())
    with sqlite3.connect(local.database.file) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0000'")
    connection.close()
    with pytest.raises(StudioError):  # there is no such step to go on from
        local.works.find("ada", Search())
    assert len(local.database.backups.all()) == before + 1


def test_a_file_where_the_folder_should_be_is_a_clear_refusal(tmp_path: Path) -> None:
    (tmp_path / "library").write_text("a file")
    with pytest.raises(StorageFailed):
        Library(tmp_path / "library").works.find("ada", Search())


def test_two_servers_on_one_file_lose_nothing(tmp_path: Path, url: str) -> None:
    servers = [Library(tmp_path / "library", url) for _ in range(2)]
    work = servers[0].works.save("ada", Made("article", "A", {}, {"text": "0"})).work

    def write(library: Library, mark: str) -> None:
        for number in range(15):
            library.works.save("ada", Made("article", "A", {}, {"text": f"{mark}{number}"}), work)

    threads = [
        threading.Thread(target=write, args=(library, mark)) for library, mark in zip(servers, "xy", strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    texts = [version.made["text"] for version in servers[1].works.versions("ada", work)]
    assert len(texts) == 31
    assert {f"{mark}{number}" for mark in "xy" for number in range(15)} <= set(texts)
    for library in servers:
        library.close()


def test_missing_changed_and_needless_files_are_found_and_mended(library: Library, tmp_path: Path) -> None:
    red, blue = saved(library, tmp_path, colour="red"), saved(library, tmp_path, colour="blue")
    paths = {}
    for work in (red, blue):
        digest = library.works.version("ada", work).files[0].digest
        found = library.works.file("ada", digest)
        assert found is not None
        paths[work] = found[0]
    paths[red].unlink()
    paths[blue].chmod(stat.S_IRUSR | stat.S_IWUSR)
    paths[blue].write_bytes(b"painted over")
    stray = library.assets.path("a" * 64, ".png")
    stray.parent.mkdir(parents=True)
    stray.write_bytes(b"stray")
    *_, found_all = library.upkeep.check()
    assert (len(found_all.missing), len(found_all.changed), found_all.orphans) == (1, 1, ("a" * 64,))
    assert not found_all.well
    list(library.upkeep.check(repair=True))
    assert not stray.exists()
    assert library.works.find("ada", Search()).total == 2  # the works are still told of


def test_a_bundle_gives_the_same_works_byte_for_byte(library: Library, tmp_path: Path) -> None:
    work = saved(library, tmp_path)
    library.works.restore("ada", work, 1)
    library.works.rate("ada", work, 1, 3, "warm")
    library.works.name("ada", work, 2, "again")
    library.works.change("ada", [work], favourite=True, add_tags=["spring", "春"])
    with (tmp_path / "works.zip").open("wb") as target:
        list(library.bundles.write("ada", [work], target))
    other = Library(tmp_path / "other")
    ((_, _, taken),) = other.bundles.read("bob", tmp_path / "works.zip")
    assert other.works.versions("bob", taken) == library.works.versions("ada", work)
    mine, theirs = library.works.work("ada", work), other.works.work("bob", taken)
    assert (mine.title, mine.tags, mine.favourite, mine.created) == (
        theirs.title,
        theirs.tags,
        theirs.favourite,
        theirs.created,
    )
    digest = mine.cover or ""
    before, after = library.works.file("ada", digest), other.works.file("bob", digest)
    assert before is not None
    assert after is not None
    assert before[0].read_bytes() == after[0].read_bytes()
    other.close()


def test_the_published_schema_is_that_of_the_code() -> None:
    published = Path(__file__).parents[2] / "docs" / "works.schema.json"
    assert json.loads(published.read_text(encoding="utf-8")) == schema()


def bundle(path: Path, works: object = None, files: dict[str, bytes] | None = None, format: str = FORMAT) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in (files or {}).items():
            target.writestr(name, content)
        target.writestr("works.json", json.dumps({"format": format, "works": works if works is not None else []}))
    return path


def one(digest: str, size: int) -> list[object]:
    file = {"sha256": digest, "name": "a.png", "bytes": size}
    version = {"number": 1, "created": 1.0, "asked": {}, "settings": {}, "made": {}, "files": [file]}
    return [{"id": "x", "kind": "picture", "title": "x", "created": 1, "changed": 1, "versions": [version]}]


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: bundle(path, files={"../../out.png": b"x"}), "bundle.path"),
        (lambda path: bundle(path, files={"/etc/out.png": b"x"}), "bundle.path"),
        (lambda path: bundle(path, files={"files\\..\\out": b"x"}), "bundle.path"),
        (lambda path: bundle(path, files={"files/bomb": b"\x00" * 40_000_000}), "bundle.bomb"),
        (lambda path: bundle(path, one("a" * 64, 3), {f"files/{'a' * 64}.png": b"abc"}), "bundle.wrong_file"),
        (lambda path: bundle(path, one("a" * 64, 3)), "bundle.missing"),
        (lambda path: bundle(path, format="other/9"), "bundle.format"),
        (lambda path: bundle(path, [{"id": "x"}]), "bundle.schema"),
        (lambda path: bundle(path, files={f"files/{number}": b"" for number in range(100_000)}), "bundle.entries"),
        (lambda path: path.write_bytes(b"PK\x03\x04 no zip") and path, "bundle.unreadable"),
        (lambda path: path.write_bytes(b"") or path, "bundle.unreadable"),
    ],
)
def test_a_hostile_bundle_is_refused_and_leaves_nothing(
    local: Library, tmp_path: Path, make: object, code: str
) -> None:
    path = make(tmp_path / "hostile.zip")  # type: ignore[operator]
    with pytest.raises(InvalidRequest) as refusal:
        list(local.bundles.read("ada", path))
    assert refusal.value.code == code
    assert local.works.find("ada", Search()).total == 0
    assert not (tmp_path.parent / "out.png").exists()
    local.close()


def test_a_link_in_a_bundle_is_refused(local: Library, tmp_path: Path) -> None:
    path = bundle(tmp_path / "link.zip")
    with zipfile.ZipFile(path, "a") as target:
        entry = zipfile.ZipInfo("files/link")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        target.writestr(entry, "/etc/passwd")
    with pytest.raises(InvalidRequest) as refusal:
        list(local.bundles.read("ada", path))
    assert refusal.value.code == "bundle.path"


def test_an_empty_bundle_is_read(local: Library, tmp_path: Path) -> None:
    assert Bundle(works=[]).works == []
    assert list(local.bundles.read("ada", bundle(tmp_path / "empty.zip"))) == []


FULL = """
import resource, sys
from pathlib import Path
from studio.errors import StorageFailed
from studio.library.library import Library
from studio.library.values import File, Made, Search

folder = Path(sys.argv[1])
library = Library(folder / "library")
kept = library.works.save("ada", Made("article", "kept", {}, {"text": "before"}))
picture = folder / "large.png"
picture.write_bytes(b"x" * 3_000_000)
(folder / "library" / "assets").mkdir(exist_ok=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, resource.RLIM_INFINITY))
for made in (
    Made("article", "too much", {}, {"text": "x" * 5_000_000}),
    Made("article", "too much", {}, {"text": "y" * 5_000_000}),
):
    try:
        library.works.save("ada", made)
    except StorageFailed as error:
        print(error.code)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
library.works.save("ada", Made("article", "after", {}, {"text": "after"}))
print([work.title for work in library.works.find("ada", Search()).works])
"""


def test_a_full_disk_refuses_in_words_and_loses_nothing(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    *codes, titles = done.stdout.splitlines()
    assert len(codes) == 2
    assert set(codes) <= {"library.full", "library.refused"}
    assert titles == "['after', 'kept']"


def test_a_library_that_another_holds_is_told_to_be_busy(local: Library, tmp_path: Path) -> None:
    saved(local, tmp_path)
    assert local.database.file is not None
    other = sqlite3.connect(local.database.file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    assert local.works.find("ada", Search()).total == 1  # who only reads waits for nobody
    with pytest.raises(StorageFailed) as refusal:
        local.works.save("ada", Made("article", "A", {}, {"text": "x"}))
    assert refusal.value.code == "library.locked"
    other.execute("ROLLBACK")
    other.close()
    local.works.save("ada", Made("article", "A", {}, {"text": "x"}))
    local.close()


def test_a_read_only_library_is_told_to_be_so(local: Library, tmp_path: Path) -> None:
    saved(local, tmp_path)
    local.close()
    reader = sqlite3.connect(f"file:{local.database.file}?mode=ro", uri=True)
    with pytest.raises(sqlite3.OperationalError) as real:
        reader.execute("DELETE FROM works")
    reader.close()
    assert refused(real.value).code == "library.read_only"
    assert unkept(OSError(errno.EROFS, "Read-only file system")).code == "library.read_only"
    assert unkept(OSError(errno.ENOSPC, "No space left on device")).code == "library.full"


def test_a_clock_that_went_backwards_disorders_nothing(library: Library) -> None:
    tomorrow = time.time() + 24 * 3600
    ahead = library.works.save("ada", Made("article", "ahead", {}, {"text": "1"}, created=tomorrow)).work
    library.works.save("ada", Made("article", "ahead", {}, {"text": "2"}), ahead)
    library.works.save("ada", Made("article", "now", {}, {"text": "3"}))
    assert [version.made["text"] for version in library.works.versions("ada", ahead)] == ["2", "1"]
    assert library.works.work("ada", ahead).changed >= tomorrow
    assert [work.title for work in library.works.find("ada", Search()).works] == ["ahead", "now"]
    library.trash.put("ada", [ahead])
    assert library.trash.expire() == 0
