"""The one gate that every request passes: under which name, from where, who, and whether they may."""

import hmac
import logging
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Receive, Scope, Send

from studio.errors import Forbidden, InvalidRequest, StudioError
from studio.identity.identity import Recognised, Visit
from studio.identity.owners import Owner
from studio.identity.sessions import GUEST_COOKIE, GUEST_SECONDS
from studio.ui.gate.addresses import FORWARDED, Names, Proxies, same_origin
from studio.ui.gate.contents import SMALL_BODY, Contents, House, bounded
from studio.ui.gate.cookies import cookie
from studio.ui.gate.doors import Door, door
from studio.ui.gate.guarded import Guarded, Stalled
from studio.ui.gate.refusals import refusal

_log = logging.getLogger("studio.gate")

INSIDE: Final = "x-studio-inside"
"""Carries the word by which the studio knows its own calls to itself: those that MCP makes for a caller."""
SAFE: Final = ("GET", "HEAD", "OPTIONS")
FRAMES: Final = "frame-ancestors 'self'"
FRAMES_OF_SPACE: Final = "frame-ancestors 'self' https://huggingface.co https://*.hf.space"


class Gate:
    """ASGI middleware. What it lets through carries its owner in `request.state.owner`."""

    def __init__(self, app: ASGIApp, house: House) -> None:
        self._app, self._house = app, house
        self._identity = house.identity
        self._names, self._proxies = Names(house.settings), Proxies(house.settings.trusted_proxies)
        self._contents = Contents(house)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        through_proxy = self._taken_from_proxy(scope)
        request = Request(scope)
        guarded = Guarded(send, self._headers(request))
        try:
            receive = await self._admitted(scope, request, receive, guarded, through_proxy)
        except StudioError as error:
            await refusal(error, request)(scope, receive, guarded)
            return
        try:
            await self._app(scope, receive, guarded)
        except Stalled:
            # Nothing more can be said to it; the server closes the connection.
            return
        except StudioError as error:  # a body that turned out larger than it was announced to be
            if guarded.started:
                raise
            await refusal(error, request)(scope, receive, guarded)
        except Exception as error:
            if guarded.started or not scope["state"].get("called"):
                raise
            # What a handler does wrong is told in its stream; here Gradio could make nothing of what was sent.
            _log.warning("a call was not understood: %s at %s", type(error).__name__, scope["path"])
            await refusal(InvalidRequest("body.malformed"), request)(scope, receive, guarded)

    def _taken_from_proxy(self, scope: Scope) -> bool:
        """Believe a named proxy about client, scheme and host; from anybody else such headers are removed."""
        headers, peer = Headers(scope=scope), (scope.get("client") or ("", 0))[0]
        inside = hmac.compare_digest(headers.get(INSIDE, "").encode(), self._house.inside.encode())
        trusted = inside or self._proxies.trust(peer)
        if trusted:
            client = self._proxies.client(headers.get("x-forwarded-for", ""), peer)
            scope["client"] = (client, (scope.get("client") or ("", 0))[1])
            if headers.get("x-forwarded-proto", "").split(",")[0].strip() == "https":
                scope["scheme"] = "https"
        dropped = {INSIDE.encode()} if trusted else {name.encode() for name in (*FORWARDED, INSIDE)}
        if not trusted:
            dropped.add(self._house.settings.auth_header.lower().encode())
        scope["headers"] = [
            (name, value)
            for name, value in scope["headers"]
            if name not in dropped and (trusted or not name.startswith(b"x-forwarded-"))
        ]
        scope.setdefault("state", {})["inside"] = inside
        return trusted

    async def _admitted(
        self, scope: Scope, request: Request, receive: Receive, send: "Guarded", through_proxy: bool
    ) -> Receive:
        """Ask everything there is to ask; returns where to read the body from.

        Raises:
            StudioError: this request goes no further.
        """
        host = request.headers.get("x-forwarded-host", request.headers.get("host", "")).split(",")[0].strip()
        if not self._names.allow(host):
            raise Forbidden("auth.host", host=host[:100])
        if request.method not in SAFE and not same_origin(request.headers, host):
            raise Forbidden("auth.origin")
        found = door(request.method, scope["path"])
        if found is None:
            raise Forbidden("auth.nowhere")
        owner = await self._owner(request, found, send, through_proxy)
        scope["state"]["owner"] = owner
        if found.who == "anyone":
            return bounded(receive, request, SMALL_BODY)
        if owner is None:
            # MCP reads the page's own description before it calls for somebody.
            if not (scope["state"]["inside"] and request.method in SAFE):
                raise Forbidden("auth.required")
            return receive
        if found.who == "admin" and not (owner.admin or owner.local):
            raise Forbidden("auth.admin")
        scope["state"]["called"] = request.method not in SAFE
        self._identity.limits.request(owner, (scope.get("client") or ("", 0))[0])
        return await self._contents.admitted(found, request, receive, send, owner)

    async def _owner(self, request: Request, found: Door, send: "Guarded", through_proxy: bool) -> Owner | None:
        if found.who == "anyone":
            return None
        recognised = await self._recognised(request, through_proxy)
        if recognised and recognised.cookie:
            send.cookie = cookie(GUEST_COOKIE, recognised.cookie, GUEST_SECONDS, request, self._house.on_space)
        return recognised.owner if recognised else None

    async def _recognised(self, request: Request, through_proxy: bool) -> Recognised | None:
        session = request.scope.get("session") or {}
        profile = (session.get("oauth_info") or {}).get("userinfo") or {}
        visit = Visit(
            address=request.client.host if request.client else "",
            headers=request.headers,
            cookies=cookie_parser(request.headers.get("cookie", "")),
            through_proxy=through_proxy,
            hugging_face=profile.get("preferred_username"),
        )
        return self._identity.who(visit)

    def _headers(self, request: Request) -> dict[str, str]:
        return {
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Content-Security-Policy": FRAMES_OF_SPACE if self._house.on_space else FRAMES,
        }
