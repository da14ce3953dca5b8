"""How the server says no: a status, a sentence in the reader's language, and when to come back."""

from html import escape
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from studio.errors import Forbidden, InvalidRequest, StudioError, TooMuch
from studio.messages import Locale, message
from studio.ui.gate.doors import SIGN_IN
from studio.ui.words import complaint

STATUS: Final = {
    "auth.required": 401,
    "auth.nowhere": 404,
    "server.draining": 503,
    "body.too_large": 413,
    "body.length": 411,
    "body.slow": 408,
    "export.busy": 503,
}


def status(error: StudioError) -> int:
    """The HTTP status that goes with an error."""
    # Not 422: gradio_client takes the detail of one for a list of fields.
    kinds = ((TooMuch, 429), (Forbidden, 403), (InvalidRequest, 400))
    return STATUS.get(error.code, next((code for kind, code in kinds if isinstance(error, kind)), 500))


def locale(request: Request) -> Locale:
    """The language that a browser asks for."""
    return "zh-CN" if request.headers.get("accept-language", "").lower().startswith("zh") else "en"


def detail(error: StudioError, headers: Headers) -> str:
    """What to tell: to a page, both languages, of which it shows one; to a program, English."""
    return complaint(error) if "sec-fetch-mode" in headers else error.explain("en")


def refusal(error: StudioError, request: Request) -> Response:
    """The answer to a request that may not be, or cannot be understood."""
    code = status(error)
    if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
        if code == 401:
            return RedirectResponse(SIGN_IN, 303, headers={"Cache-Control": "no-store"})
        return HTMLResponse(_page(error, locale(request)), code, _headers(error))
    return JSONResponse({"detail": detail(error, request.headers), "error": error.title}, code, _headers(error))


def _headers(error: StudioError) -> dict[str, str]:
    seconds = error.details.get("seconds")
    return {"Retry-After": str(seconds), "Cache-Control": "no-store"} if seconds else {"Cache-Control": "no-store"}


def _page(error: StudioError, language: Locale) -> str:
    name, text = message("app.name", language), escape(error.explain(language))
    style = "font:16px/1.6 system-ui;max-width:36rem;margin:20vh auto;padding:0 1rem"
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = f'<body style="{style}"><p>{text}</p></body>'
    return f'<!doctype html><html lang="{language}">{head}<title>{name}</title>{body}</html>'
