"""Whether the studio lives, and whether it can take work: for whoever starts it anew or sends visitors to it."""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from studio.errors import StudioError
from studio.studio import Studio

LEAST_FREE: Final = 256 * 2**20
"""Bytes of a disk below which nothing new should be begun."""

Check = Callable[[], str | None]
"""What is wrong, or None. Another room of the house adds one here, as the library will for its database."""


def alive(request: Request) -> Response:
    """200 for as long as requests are answered at all."""
    return JSONResponse({"status": "alive"}, headers={"Cache-Control": "no-store"})


class Readiness:
    """200 where every check is well, else 503 with what is not; no path and no name is told."""

    def __init__(self, studio: Studio, draining: Callable[[], bool], more: Mapping[str, Check] | None = None) -> None:
        settings = studio.settings
        self._studio = studio
        self._checks: dict[str, Check] = {
            "draining": lambda: "about to end" if draining() else None,
            "disk.outputs": lambda: _disk(settings.outputs),
            "disk.data": lambda: _disk(settings.data),
            "disk.cache": lambda: _disk(settings.cache),
            "accounts": self._accounts,
            "memory": self._memory,
            **(more or {}),
        }

    def answer(self, request: Request) -> Response:
        """The answer to `/readyz`."""
        found = {name: check() for name, check in self._checks.items()}
        told: dict[str, Any] = {name: wrong or "ok" for name, wrong in found.items()}
        wrong = any(found.values())
        body = {"status": "not ready" if wrong else "ready", "checks": told, "devices": self._devices()}
        return JSONResponse(body, 503 if wrong else 200, headers={"Cache-Control": "no-store"})

    def _accounts(self) -> str | None:
        try:
            self._studio.identity.accounts.all()
        except StudioError as error:
            return error.title
        return None

    def _memory(self) -> str | None:
        """Over-full budgets mean that something leaks or was set too small for what is in it."""
        over = [device.name for device in self._studio.registry.devices() if device.held > device.budget]
        return f"over budget: {', '.join(over)}" if over else None

    def _devices(self) -> list[str]:
        return [str(device.name) for device in self._studio.registry.devices()]


def _disk(folder: Path) -> str | None:
    there = next((place for place in (folder, *folder.parents) if place.exists()), None)
    try:
        return "full" if there is None or shutil.disk_usage(there).free < LEAST_FREE else None
    except OSError:
        return "cannot be read"
