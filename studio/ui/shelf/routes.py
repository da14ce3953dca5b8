"""The routes of the library: lists, versions, files, and shared links. Whose it is has been told by the gate."""

import mimetypes
from collections.abc import Awaitable, Callable
from functools import wraps
from html import escape
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final
from urllib.parse import quote

import orjson
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from studio.errors import InvalidRequest, StudioError
from studio.identity.owners import Owner
from studio.library.values import Version, Work
from studio.messages import message
from studio.studio import Studio
from studio.ui.gate.refusals import locale, status
from studio.ui.running.runs import Runs
from studio.ui.shelf.actions import MOST, Actions
from studio.ui.shelf.articles import article_file
from studio.ui.shelf.plain import search_of, version_told, work_told
from studio.ui.shelf.thumbnails import Thumbnails

PRIVATE: Final = {"Cache-Control": "private, max-age=31536000, immutable"}
"""A file is named by its content; but it is somebody's, so no proxy keeps it."""
NO_STORE: Final = {"Cache-Control": "no-store"}
INERT: Final = {"Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'"}
Handler = Callable[..., Any]


class Shelf:
    """Every route asks the library in the name of whoever comes, and of nobody else."""

    def __init__(self, studio: Studio, runs: Runs) -> None:
        self._runs = runs
        self._library = studio.library
        self._actions = Actions(studio.library)
        self._thumbnails = Thumbnails(studio.settings.cache / "thumbnails")

    def routes(self) -> list[Route]:
        """What the server adds to its own."""
        return [
            Route("/library/works", _answered(self.works)),
            Route("/library/works/{work}", _answered(self.work)),
            Route("/library/works/{work}/{version:int}", _answered(self.version)),
            Route("/library/runs", _answered(self.under_way)),
            Route("/library/runs", _answered(self.stop), methods=["POST"]),
            Route("/library/facets", _answered(self.facets)),
            Route("/library/export", _answered(self.export), methods=["POST"]),
            Route("/library/article", _answered(self.article), methods=["POST"]),
            Route("/library/do", _answered(self.act), methods=["POST"]),
            Route("/library/file/{digest}", _answered(self.file)),
            Route("/library/thumbnail/{digest}", _answered(self.thumbnail)),
            Route("/shared/{token}", _answered(self.shared)),
            Route("/shared/{token}/{digest}", _answered(self.shared_file)),
        ]

    def works(self, request: Request, owner: Owner, _body: Any) -> Response:
        """A page of the list: {works, total, after}."""
        page = self._library.works.find(owner.id, search_of(request.query_params))
        return _json({"works": [work_told(work) for work in page.works], "total": page.total, "after": page.after})

    def work(self, request: Request, owner: Owner, _body: Any) -> Response:
        """A work with its history: {…, history: [version]}."""
        work = self._library.works.work(owner.id, request.path_params["work"])
        history = self._library.works.versions(owner.id, work.id)
        return _json(work_told(work) | {"history": [version_told(version, whole=False) for version in history]})

    def version(self, request: Request, owner: Owner, _body: Any) -> Response:
        """One version in full; number 0 is the last."""
        number = request.path_params["version"]
        work = self._library.works.work(owner.id, request.path_params["work"])
        found = self._library.works.version(owner.id, work.id, number or None)
        token = self._library.sharing.link(owner.id, work.id, found.number)
        return _json(version_told(found) | {"work": work_told(work), "link": token and f"/shared/{token}"})

    def under_way(self, request: Request, owner: Owner, _body: Any) -> Response:
        """What is being made for somebody: {runs: [{job, number, began, status}]}; `status` is HTML of the page's."""
        runs = [
            {"job": run.job, "number": run.number, "began": run.began, "status": run.status}
            for run in self._runs.of(owner.id)
        ]
        return _json({"runs": runs})

    def stop(self, request: Request, owner: Owner, body: Any) -> Response:
        """End one of them: {job, number}."""
        fields = body if isinstance(body, dict) else {}
        run = self._runs.find(owner.id, str(fields.get("job")), fields.get("number"))
        if run is not None:
            run.stop()
        return _json({"stopped": run is not None})

    def facets(self, request: Request, owner: Owner, _body: Any) -> Response:
        """What there is to filter by, and what will go: {kinds, models, tags, retiring, nearly_full}."""
        quota = self._library.upkeep.quota
        told: dict[str, Any] = dict(self._library.works.facets(owner.id))
        told["retiring"] = self._library.upkeep.retiring(owner.id)
        told["nearly_full"] = quota.nearly(owner.id, self._library.database)
        return _json(told)

    def act(self, request: Request, owner: Owner, body: Any) -> Response:
        """Do something with works: {do, …}; see `Actions`."""
        return _json(self._actions.do(owner, body))

    def export(self, request: Request, owner: Owner, body: Any) -> Response:
        """Works as a zip: {works: [id]}."""
        works = body.get("works") if isinstance(body, dict) else None
        if not isinstance(works, list) or not 0 < len(works) <= MOST:
            raise InvalidRequest("library.works", most=MOST)
        with NamedTemporaryFile(suffix=".zip", delete=False) as target:
            for _ in self._library.bundles.write(owner.id, [str(work) for work in works], target):
                pass
        path = Path(target.name)
        done = BackgroundTask(path.unlink, missing_ok=True)
        return FileResponse(path, media_type="application/zip", filename="works.zip", headers=NO_STORE, background=done)

    def article(self, request: Request, owner: Owner, body: Any) -> Response:
        """An article as a file: {text, format, summary, keywords}."""
        file = article_file(self._library, owner.id, body)
        named = f"attachment; filename*=UTF-8''{quote(file.name)}"
        return Response(file.content, media_type=file.media, headers=NO_STORE | {"Content-Disposition": named})

    def file(self, request: Request, owner: Owner, _body: Any) -> Response:
        """A file of one of one's own versions."""
        found = self._library.works.file(owner.id, request.path_params["digest"])
        if found is None:
            raise InvalidRequest("library.no_file")
        return _file(found[0], found[1], download="download" in request.query_params)

    def thumbnail(self, request: Request, owner: Owner, _body: Any) -> Response:
        """The small picture of a file."""
        digest = request.path_params["digest"]
        found = self._library.works.file(owner.id, digest)
        if found is None or not found[0].is_file():
            raise InvalidRequest("library.no_file")
        try:
            small = self._thumbnails.of(digest, found[0])
        except (OSError, ValueError) as error:
            raise InvalidRequest("library.no_file") from error
        return FileResponse(small, media_type="image/webp", headers=PRIVATE)

    def shared(self, request: Request, owner: Owner | None, _body: Any) -> Response:
        """One version, for whoever has its link."""
        seen = self._library.sharing.seen(request.path_params["token"])
        if seen is None:
            return HTMLResponse(_nothing(request), 404, headers=NO_STORE | INERT)
        return HTMLResponse(_page(*seen, request.path_params["token"]), headers=NO_STORE | INERT)

    def shared_file(self, request: Request, owner: Owner | None, _body: Any) -> Response:
        """A file of a shared version."""
        path = self._library.sharing.file(request.path_params["token"], request.path_params["digest"])
        if path is None or not path.is_file():
            return HTMLResponse(_nothing(request), 404, headers=NO_STORE | INERT)
        return _file(path, path.name, headers=NO_STORE)


def _answered(handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """`handler` on a thread, with whoever asks and what they sent; an error is told with its hint."""

    @wraps(handler)
    async def answer(request: Request) -> Response:
        owner = getattr(request.state, "owner", None)
        body: Any = None
        try:
            if request.method == "POST":
                try:
                    body = orjson.loads(await request.body())
                except orjson.JSONDecodeError as error:
                    raise InvalidRequest("body.malformed") from error
            found: Response = await run_in_threadpool(handler, request, owner, body)
        except StudioError as error:
            text = error.explain(locale(request))
            return JSONResponse({"detail": text, "kind": error.title}, status(error), headers=NO_STORE)
        return found

    return answer


def _json(value: Any) -> Response:
    return Response(orjson.dumps(value), media_type="application/json", headers=NO_STORE)


def _file(path: Path, name: str, *, download: bool = False, headers: dict[str, str] = PRIVATE) -> Response:
    if not path.is_file():
        raise InvalidRequest("library.no_file")
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    shown = kind.startswith("image/") and "svg" not in kind and not download
    told = f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{quote(name)}"
    return FileResponse(path, media_type=kind, headers=headers | {"Content-Disposition": told})


def _nothing(request: Request) -> str:
    language = locale(request)
    return f'<!doctype html><meta charset="utf-8"><p>{escape(message("errors.library.shared.none", language))}</p>'


def _page(work: Work, version: Version, token: str) -> str:
    """A page of its own that needs no script: title, pictures, text."""
    pictures = "".join(
        f'<img src="/shared/{token}/{file.digest}" alt="{escape(work.title)}">'
        for file in version.files
        if file.role == "result"
    )
    text = str(version.made.get("text") or version.made.get("code") or version.made.get("infotext") or "")
    return (
        '<!doctype html><html><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta name="robots" content="noindex"><title>{escape(work.title)}</title><style>'
        "body{font:16px/1.6 system-ui,sans-serif;max-width:46rem;margin:2rem auto;padding:0 1rem;color:#1c1917;"
        "background:#faf9f7}img{max-width:100%;border-radius:8px}pre{white-space:pre-wrap;overflow-wrap:anywhere;"
        "font:inherit}</style></head>"
        f"<body><h1>{escape(work.title)}</h1>{pictures}<pre dir='auto'>{escape(text)}</pre></body></html>"
    )
