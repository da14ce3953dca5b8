"""`Set-Cookie`, as this studio sets it."""

from starlette.requests import Request


def cookie(name: str, value: str, seconds: int, request: Request, in_frame: bool = False) -> str:
    """The header's value: out of reach of scripts, and sent back only by pages of this very address.

    A Space is shown inside a page of another site (`in_frame`), where browsers keep a cookie only under that site.
    """
    secure = request.url.scheme == "https"
    site = "; SameSite=None; Secure; Partitioned" if in_frame and secure else "; SameSite=Lax"
    ending = "; Secure" if secure and not in_frame else ""
    return f"{name}={value}; Max-Age={seconds}; Path=/; HttpOnly{site}{ending}"
