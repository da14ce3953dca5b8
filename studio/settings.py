"""Typed settings: environment variables `STUDIO_*`, or the same names in a `.env` file beside the app."""

import os
from pathlib import Path
from typing import Literal

from platformdirs import user_cache_path, user_data_path
from pydantic import Field, PositiveInt, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from studio.messages import assets


def _default_catalogue() -> Path:
    packaged = assets() / "models.yaml"
    return packaged if packaged.is_file() else assets().parent / "models.yaml"


def _default_host() -> str:
    return os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")  # noqa: S104


class Settings(BaseSettings):
    """Everything a host can set. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", env_file=".env", extra="ignore", frozen=True)

    cache: Path = Field(default_factory=lambda: user_cache_path("aigc-studio"))
    """Fetched and converted weights; safe to delete."""
    outputs: Path = Field(default_factory=lambda: user_data_path("aigc-studio") / "outputs")
    """Where finished pictures are kept."""
    catalogue: Path = Field(default_factory=_default_catalogue)
    """The `models.yaml` to read."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; `auto` takes CUDA when there is one."""
    device_budget: PositiveInt | None = None
    """Bytes of device memory models may hold; measured when unset."""
    host_budget: PositiveInt | None = None
    """Bytes of host memory models may hold; measured, cgroup limit included, when unset."""
    keep_alive: float = Field(default=900, ge=0)
    """Seconds an idle model stays on its device before it is offloaded; 0 keeps it for ever."""
    lease_deadline: float = Field(default=600, gt=0)
    """Seconds a request waits for its model before it is told that the studio is busy."""
    threads: PositiveInt | None = None
    """CPU threads for text; when unset, all usable cores read prompts and all but one write."""
    text_slots: PositiveInt = 4
    """Requests one text model serves at the same time."""

    openai_base_url: str | None = None
    """An OpenAI-compatible endpoint, up to and including `/v1`."""
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None

    host: str = Field(default_factory=_default_host)
    """The address to listen on: this machine only, and everywhere on a Space, whose proxy comes from outside."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """The port to listen on; the first free one from 7860 when unset."""
    max_upload: PositiveInt = 64 * 2**20
    """Bytes of one uploaded file."""
    max_pixels: PositiveInt = 64_000_000
    """Pixels of one uploaded picture; an enlarged one may have 16 times as many."""
