"""Every route there is, and what it asks of whoever comes. What is not in this table is closed."""

import re
from dataclasses import dataclass
from typing import Final, Literal

Who = Literal["anyone", "member", "admin"]
Thing = Literal["session", "event", "file", "call", "cancel", "upload", "blob", "none"]
"""What a request names that belongs to somebody, and so has to be asked for."""
API: Final = r"/gradio_api"
NAME: Final = r"[A-Za-z0-9_.-]{1,100}"
SIGN_IN: Final = "/sign-in"
SIGN_OUT: Final = "/sign-out"
HEALTH: Final = "/healthz"
READY: Final = "/readyz"
METRICS: Final = "/metrics"


@dataclass(frozen=True)
class Door:
    """One kind of request: its methods, its path as a whole, whom it is for, and what it names."""

    methods: tuple[str, ...]
    path: re.Pattern[str]
    who: Who
    thing: Thing = "none"


def _door(methods: str, path: str, who: Who, thing: Thing = "none") -> Door:
    return Door(tuple(methods.split()), re.compile(path), who, thing)


DOORS: Final = (
    _door("GET HEAD", r"/(assets|static|svelte)/.+", "anyone"),
    _door("GET HEAD", rf"({API})?/theme\.css", "anyone"),
    _door("GET HEAD", r"/(favicon\.ico|robots\.txt|manifest\.json)", "anyone"),
    _door("GET HEAD", rf"{HEALTH}|{READY}", "anyone"),
    _door("GET HEAD", rf"{API}/startup-events", "anyone"),  # Gradio's own first call to itself
    _door("GET HEAD POST", SIGN_IN, "anyone"),
    _door("POST", SIGN_OUT, "anyone"),
    _door("GET", r"/login/(huggingface|callback)", "anyone"),
    _door("GET HEAD", r"/", "member"),
    _door("GET HEAD", r"/config/?", "member"),
    _door("GET HEAD", rf"{API}/(info/?|openapi\.json|app_id/?|queue/status|upload_progress)", "member"),
    _door("GET HEAD", rf"{API}/file=.+", "member", "file"),
    _door("GET", rf"{API}/heartbeat/[^/]+", "member", "session"),
    _door("GET", rf"{API}/queue/data", "member", "session"),
    _door("GET", rf"{API}/call/(v2/)?{NAME}/[^/]+", "member", "event"),
    _door("POST", rf"{API}/(queue/join|(run|api)/{NAME}/?|call/(v2/)?{NAME}/?)", "member", "call"),
    _door("POST", rf"{API}/cancel", "member", "cancel"),
    _door("POST", rf"{API}/reset/?", "member"),
    _door("POST", rf"{API}/upload", "member", "upload"),
    _door("POST", rf"{API}/component_server/?", "member", "blob"),
    _door("GET POST DELETE", rf"{API}/mcp(/.*)?", "member"),
    _door("GET HEAD", r"/library/(works(/[0-9a-f]{1,32}(/[0-9]{1,9})?)?|facets|runs)", "member"),
    _door("GET HEAD", r"/library/(file|thumbnail)/[0-9a-f]{64}", "member"),
    _door("POST", r"/library/(do|export|article|runs)", "member"),
    _door("GET HEAD", r"/shared/[A-Za-z0-9_-]{1,64}(/[0-9a-f]{64})?", "anyone"),
    _door("GET HEAD", METRICS, "admin"),
)


def door(method: str, path: str) -> Door | None:
    """The door a request stands before; None where there is none."""
    return next((door for door in DOORS if method in door.methods and door.path.fullmatch(path)), None)
