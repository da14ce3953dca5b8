"""The library's endpoints for `gradio_client` and plain HTTP: each finds and changes only the caller's own works."""

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from gradio import FileData

from studio.errors import InvalidRequest
from studio.identity.owners import Owner
from studio.library.values import KINDS, File, Made, Search
from studio.studio import Studio
from studio.ui.api.answers import answers
from studio.ui.api.pictures import uploaded
from studio.ui.shelf.actions import MOST, Actions
from studio.ui.shelf.plain import search_of, version_told, work_told

Json = dict[str, Any]
MOST_TOLD: Final = 4 * 2**20
"""Characters of JSON that one version may have."""


class WorkEndpoints:
    """One method per endpoint; see `studio.ui.api.endpoints.Endpoints`."""

    def __init__(self, studio: Studio) -> None:
        self._studio, self._library = studio, studio.library
        self._actions = Actions(studio.library)

    def works(
        self,
        owner: Owner,
        query: str = "",
        kind: str = "",
        tag: str = "",
        limit: int = 60,
        after: str = "",
        model: str = "",
        rating: int = 0,
        favourite: bool = False,
        since: str = "",
        until: str = "",
        sort: str = "newest",
        trashed: bool = False,
    ) -> Iterator[Json | None]:
        """Find works: {works: [{id, kind, title, …}], total, after}. `after` of one page asks for the next."""
        fields = {name: value for name, value in locals().items() if name not in ("self", "owner")}
        yield from self._once(lambda: self._found(owner, search_of(fields)))

    def work(self, owner: Owner, id: str) -> Iterator[Json | None]:
        """One work with its last version in full: {id, kind, title, …, version: {number, asked, made, files, …}}."""

        def work() -> Json:
            found = self._library.works.work(owner.id, id)
            return work_told(found) | {"version": version_told(self._library.works.version(owner.id, id))}

        yield from self._once(work)

    def versions(self, owner: Owner, id: str) -> Iterator[Json | None]:
        """All versions of a work in full, the last one first: {versions: [{number, parent, asked, made, …}]}."""
        yield from self._once(
            lambda: {"versions": [version_told(version) for version in self._library.works.versions(owner.id, id)]}
        )

    def save_work(
        self,
        owner: Owner,
        kind: str,
        title: str,
        made: Json,
        asked: Json | None = None,
        settings: Json | None = None,
        files: list[FileData] | None = None,
        work: str | None = None,
        tags: list[str] | None = None,
        model: str = "",
    ) -> Iterator[Json | None]:
        """Keep something that was made elsewhere or by hand: {work, version}.

        `made` holds `text`, `code` or `infotext`; `work` is the one that it is a version of.
        """
        fields = {"made": made, "asked": asked or {}, "settings": settings or {}}

        def save() -> Json:
            if kind not in KINDS:
                raise InvalidRequest("library.kind", kinds=", ".join(KINDS))
            if not all(isinstance(value, Mapping) for value in fields.values()):
                raise InvalidRequest("library.made")
            if len(json.dumps(fields)) > MOST_TOLD:
                raise InvalidRequest("library.large", most=MOST_TOLD)
            paths = tuple(File(Path(uploaded(file, "library.upload"))) for file in files or ())
            result = Made(
                kind, str(title), fields["asked"], fields["made"], fields["settings"], paths, str(model), how="edited",
                tags=tuple(str(tag) for tag in tags or ()),
            )  # fmt: skip
            saved = self._library.works.save(owner.id, result, work)
            return {"work": saved.work, "version": saved.version}

        yield from self._once(save)

    def restore_version(self, owner: Owner, id: str, version: int) -> Iterator[Json | None]:
        """An old version again, as a new one: {work, version}."""
        yield from self._once(lambda: self._actions.restore(owner, {"work": id, "version": version}))

    def rate(
        self, owner: Owner, id: str, rating: int, why: str = "", version: int | None = None
    ) -> Iterator[Json | None]:
        """Give a version 1 to 5 stars, and say why; 0 takes them back. Without a version it is the last: {rating}."""
        fields = {"work": id, "version": version, "rating": rating, "why": why}
        yield from self._once(lambda: self._actions.rate(owner, fields))

    def trash_work(self, owner: Owner, id: str, restore: bool = False) -> Iterator[Json | None]:
        """Throw a work away for thirty days, or bring it back: {count}, how many works that changed."""
        act = self._actions.bring_back if restore else self._actions.trash
        yield from self._once(lambda: act(owner, {"works": [id]}))

    def export_works(self, owner: Owner, ids: list[str]) -> Iterator[FileData | None]:
        """Works as a zip: their files, and `works.json` by the schema in docs/works.schema.json."""

        def steps() -> Iterator[Any]:
            path = exported(self._studio, owner, ids)
            while (step := next(path, None)) is not None:
                yield {"path": str(step), "meta": {"_type": "gradio.FileData"}} if isinstance(step, Path) else None

        yield from answers(steps, None)

    def import_works(self, owner: Owner, bundle: FileData) -> Iterator[Json | None]:
        """Take in the works of a zip that a studio exported: {works: [id], done, total}."""

        def steps() -> Iterator[Json | None]:
            works: list[str] = []
            for done, total, work in self._library.bundles.read(owner.id, Path(uploaded(bundle, "library.upload"))):
                works.append(work)
                yield {"works": list(works), "done": done, "total": total}
            if not works:
                yield {"works": [], "done": 0, "total": 0}

        yield from answers(steps, None)

    def _found(self, owner: Owner, search: Search) -> Json:
        page = self._library.works.find(owner.id, search)
        return {"works": [work_told(work) for work in page.works], "total": page.total, "after": page.after}

    @staticmethod
    def _once(work: Callable[[], Json]) -> Iterator[Json | None]:
        def steps() -> Iterator[Json | None]:
            yield work()

        yield from answers(steps, None)


def exported(studio: Studio, owner: Owner, works: Any) -> Iterator[tuple[int, int] | Path]:
    """Write a bundle where Gradio serves files from; says how far it is, and at last where it is.

    Raises:
        InvalidRequest: that is no list of this owner's works.
        StorageFailed: the disk refuses it.
    """
    if not isinstance(works, list) or not works or len(works) > MOST:
        raise InvalidRequest("library.works", most=MOST)
    folder = Path(tempfile.mkdtemp(dir=served()))
    path = folder / "works.zip"
    with path.open("wb") as target:
        yield from studio.library.bundles.write(owner.id, [str(work) for work in works], target)
    yield path


def served() -> str:
    """The folder that Gradio serves files from."""
    from gradio.utils import get_upload_folder

    folder = get_upload_folder()
    Path(folder).mkdir(parents=True, exist_ok=True)
    return str(folder)
