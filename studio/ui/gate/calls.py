"""What comes in a request's body, looked at before anything else is done with it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson

from studio.errors import Forbidden, InvalidRequest
from studio.identity.belongings import Belongings
from studio.identity.owners import Owner

LONGEST_NAME: Final = 128
"""Characters of what a client calls its session or event."""


class Calls:
    """Checks calls of handlers against what the page has, and against what belongs to whoever calls."""

    def __init__(
        self,
        functions: Callable[[], Mapping[int, Any]],
        belongings: Belongings,
        may_read: Callable[[str, Owner], bool],
    ) -> None:
        """`functions` are the page's, by number."""
        self._functions = functions
        self._belongings = belongings
        self._may_read = may_read

    def check(self, path: str, body: bytes, owner: Owner) -> None:
        """A call of a handler, by its number or its name.

        Raises:
            InvalidRequest: it is no such call, or has too few or too many arguments.
            Forbidden: it names a session or a file of somebody else.
        """
        told, name = _object(body), path.rstrip("/").rsplit("/", 1)[-1]
        if "/call/v2/" in path:
            self._function(name, None)
            self._check_files(told, owner)
            return
        function = self._function("" if path.endswith("/queue/join") else name, told.get("fn_index"))
        self._check_session(told.get("session_hash"), owner)
        data = told.get("data")
        if not isinstance(data, list):
            raise InvalidRequest("body.malformed")
        asked = [block for block in function.inputs if not getattr(block, "skip_api", False)]
        if len(data) not in (len(function.inputs), len(asked)) and not function.cancels:
            raise InvalidRequest("body.arguments", expected=len(asked), given=len(data))
        if not isinstance(told.get("trigger_id"), int | None):
            raise InvalidRequest("body.malformed")
        self._check_files(data, owner)

    def check_cancel(self, body: bytes, owner: Owner) -> None:
        """A cancel of an event.

        Raises:
            InvalidRequest: it is none.
            Forbidden: the session or event is not this owner's.
        """
        told = _object(body)
        session, event = _name(told.get("session_hash")), told.get("event_id")
        if not isinstance(told.get("fn_index"), int) or not self._belongings.has_session(session, owner.id):
            raise Forbidden("auth.unknown")
        if event is not None and not self._belongings.has_event(_name(event), owner.id):
            raise Forbidden("auth.unknown")

    def _function(self, name: str, number: object) -> Any:
        functions = self._functions()
        if number is not None:
            if not isinstance(number, int) or isinstance(number, bool) or number not in functions:
                raise InvalidRequest("body.function")
            return functions[number]
        found = next((each for each in functions.values() if each.api_name == name), None) if name else None
        if found is None:
            raise InvalidRequest("body.function")
        return found

    def _check_session(self, session: object, owner: Owner) -> None:
        if session is not None and not self._belongings.claim(_name(session), owner.id):
            raise Forbidden("auth.unknown")

    def _check_files(self, value: object, owner: Owner) -> None:
        """Every file that is named has to be this owner's, uploaded or made here; nothing is brought from elsewhere."""
        waiting = [value]
        while waiting:
            found = waiting.pop()
            if isinstance(found, list):
                waiting.extend(found)
            elif isinstance(found, dict):
                path, url = found.get("path"), found.get("url")
                if isinstance(path, str) and path and not self._may_read(path, owner):
                    raise Forbidden("auth.file")
                if isinstance(url, str) and not path and not url.startswith("data:"):
                    raise Forbidden("auth.file")
                waiting.extend(each for key, each in found.items() if key not in ("path", "url"))


def _object(body: bytes) -> dict[str, Any]:
    try:
        told = orjson.loads(body)
    except ValueError as error:
        raise InvalidRequest("body.malformed") from error
    if not isinstance(told, dict):
        raise InvalidRequest("body.malformed")
    return told


def _name(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME:
        raise InvalidRequest("body.malformed")
    return value
