"""The page where somebody signs in, in both languages; it needs no script and nothing from elsewhere."""

from html import escape
from typing import Final
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from studio.errors import StudioError
from studio.identity.identity import Identity
from studio.identity.sessions import SESSION_COOKIE, SESSION_SECONDS
from studio.messages import LOCALES, Locale, assets, message
from studio.ui.gate.cookies import cookie
from studio.ui.gate.doors import SIGN_IN, SIGN_OUT
from studio.ui.gate.refusals import locale, status

NO_STORE: Final = {"Cache-Control": "no-store"}
NAMES: Final[dict[Locale, str]] = {"en": "English", "zh-CN": "中文"}


class SignIn:
    """The routes of signing in and out."""

    def __init__(self, identity: Identity, *, in_frame: bool = False) -> None:
        self._identity, self._in_frame = identity, in_frame

    def routes(self) -> list[Route]:
        """What the server adds to its own."""
        return [
            Route(SIGN_IN, self.page, methods=["GET", "HEAD"]),
            Route(SIGN_IN, self.sign_in, methods=["POST"]),
            Route(SIGN_OUT, self.sign_out, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        """The form; where nobody signs in, the studio itself."""
        if self._identity.mode not in ("users", "huggingface"):
            return RedirectResponse("/", 303, headers=NO_STORE)
        return self._shown(request)

    async def sign_in(self, request: Request) -> Response:
        """Try a name and a password."""
        fields = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=10)
        name, password = (fields.get(key, [""])[0] for key in ("name", "password"))
        address = request.client.host if request.client else ""
        language = _language(request)
        if self._identity.mode != "users":
            return RedirectResponse("/", 303, headers=NO_STORE)
        try:
            # Hashing takes a tenth of a second, in which nobody else would be served.
            session = await run_in_threadpool(self._identity.sign_in, name, password, address)
        except StudioError as error:
            return self._shown(request, name, error.explain(language), status(error), error.details.get("seconds"))
        if session is None:
            return self._shown(request, name, message("sign_in.wrong", language), 401)
        response = RedirectResponse("/", 303, headers=NO_STORE)
        response.headers.append("Set-Cookie", cookie(SESSION_COOKIE, session, SESSION_SECONDS, request, self._in_frame))
        return response

    async def sign_out(self, request: Request) -> Response:
        """Let the browser forget the session."""
        response = RedirectResponse(SIGN_IN, 303, headers=NO_STORE)
        response.headers.append("Set-Cookie", cookie(SESSION_COOKIE, "", 0, request, self._in_frame))
        if request.scope.get("session"):
            request.scope["session"].clear()
        return response

    def _shown(
        self, request: Request, name: str = "", wrong: str = "", code: int = 200, seconds: object = None
    ) -> Response:
        language = _language(request)
        words = {
            key: escape(message(f"sign_in.{key}", language)) for key in ("title", "name", "password", "go", "help")
        }
        template = (assets() / "sign-in.html").read_text(encoding="utf-8")
        hugging_face = self._identity.mode == "huggingface"
        form = _HUGGING_FACE if hugging_face else _FORM
        body = form.format(
            **words,
            hugging_face=escape(message("sign_in.hugging_face", language)),
            action=f"{SIGN_IN}?language={language}",
            given=escape(name[:100]),
            focus_name="" if name else "autofocus",
            focus_password="autofocus" if name else "",
            wrong=f'<p class="wrong" role="alert">{escape(wrong)}</p>' if wrong else "",
        )
        switches = " ".join(
            f'<a href="{SIGN_IN}?language={each}" lang="{each}"{" aria-current=true" if each == language else ""}>'
            f"{NAMES[each]}</a>"
            for each in reversed(LOCALES)
        )
        page = template.replace("{language}", language).replace("{app}", escape(message("app.name", language)))
        page = page.replace("{title}", words["title"]).replace("{switches}", switches).replace("{form}", body)
        headers = NO_STORE | ({"Retry-After": str(seconds)} if seconds else {})
        return HTMLResponse(page, code, headers)


_FORM: Final = """<form method="post" action="{action}">
<label>{name}<input name="name" value="{given}" autocomplete="username" autocapitalize="none" spellcheck="false"
 maxlength="100" required {focus_name}></label>
<label>{password}<input name="password" type="password" autocomplete="current-password" maxlength="1024" required
 {focus_password}></label>
{wrong}
<button>{go}</button>
</form>
<p class="help">{help}</p>"""
_HUGGING_FACE: Final = """{wrong}<p><a class="button" href="/login/huggingface">{hugging_face}</a></p>"""


def _language(request: Request) -> Locale:
    asked = request.query_params.get("language")
    return next((each for each in LOCALES if each == asked), locale(request))
