"""Typed settings: environment variables `STUDIO_*`, or the same names in a `.env` file beside the app."""

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from platformdirs import user_cache_path, user_data_path
from pydantic import BeforeValidator, Field, PositiveInt, SecretStr, ValidationError
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from studio.errors import InvalidRequest
from studio.messages import assets

Task = Literal["text", "code", "image", "upscale"]
"""What a host can name a model for."""


def _default_catalogue() -> Path:
    return assets().parent / "models.yaml"


def _default_host() -> str:
    return os.environ.get("GRADIO_SERVER_NAME") or ("0.0.0.0" if "SPACE_ID" in os.environ else "127.0.0.1")  # noqa: S104


def on_zerogpu() -> bool:
    """Whether this is a Space on ZeroGPU, told as the `spaces` package tells it."""
    return os.environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def _assigned(value: Any) -> Any:
    """`text=qwen3-4b, code=qwen2.5-coder-7b` as a mapping; anything else is left to be judged."""
    if not isinstance(value, str):
        return value
    pairs = [part.split("=", 1) for part in value.split(",") if part.strip()]
    return {pair[0].strip(): pair[-1].strip() for pair in pairs}


def _listed(value: Any) -> Any:
    return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value


def is_loopback(host: str) -> bool:
    """Whether an address or name is that of this machine alone."""
    host = host.strip("[]").lower()
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


class Settings(BaseSettings):
    """Everything a host can set. Sizes are bytes, times are seconds."""

    model_config = SettingsConfigDict(env_prefix="STUDIO_", env_file=".env", extra="ignore", frozen=True)

    @classmethod
    def read(cls, **given: Any) -> Self:
        """The settings of this process, `given` ones first. Names that no version knows are ignored.

        Raises:
            InvalidRequest: a value is out of bounds; it names the variable.
        """
        try:
            return cls(**given)
        except ValidationError as error:
            findings = [
                {**found, "loc": (f"STUDIO_{found['loc'][0]}".upper(), *found["loc"][1:])} for found in error.errors()
            ]
            raise InvalidRequest.from_details(findings) from error

    cache: Path = Field(default_factory=lambda: user_cache_path("aigc-studio"))
    """Fetched and converted weights; safe to delete."""
    outputs: Path = Field(default_factory=lambda: user_data_path("aigc-studio") / "outputs")
    """Where finished pictures are kept."""
    data: Path = Field(default_factory=lambda: user_data_path("aigc-studio"))
    """What users keep for their prompts: `styles.yaml`, and the folders `wildcards`, `loras` and `embeddings`."""
    database_url: SecretStr = SecretStr("")
    """Where the library's rows are, as `postgresql+psycopg://user:password@host/name`; empty for SQLite in `data`."""
    owner_kept: int = Field(default=0, ge=0)
    """Bytes of files that one owner may keep in the library; 0 is without end."""
    most_kept: int = Field(default=0, ge=0)
    """The same for all owners together."""
    kept_days: int = Field(default=0, ge=0)
    """After how many days works that are neither rated nor tagged nor favourites go to the trash; 0 is never."""
    catalogue: Path = Field(default_factory=_default_catalogue)
    """The `models.yaml` to read."""

    default_models: Annotated[Mapping[Task, str], NoDecode, BeforeValidator(_assigned)] = Field(default_factory=dict)
    """Which model does a task when nobody names one, as `text=qwen3-4b, code=qwen2.5-coder-7b`; where a task is not
    named, the studio chooses."""
    prefetch: bool = Field(default_factory=lambda: "SPACE_ID" not in os.environ)
    """Whether the embedded default model is fetched at the first start, once the page is up; not on a Space."""

    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where models run; `auto` takes CUDA when there is one."""
    device_budget: PositiveInt | None = None
    """Bytes of device memory models may hold; measured when unset."""
    host_budget: PositiveInt | None = None
    """Bytes of host memory models may hold; measured, cgroup limit included, when unset."""
    policy: Literal["lazy", "resident"] = Field(default_factory=lambda: "resident" if on_zerogpu() else "lazy")
    """`lazy` brings models in as they are needed. `resident` brings those named in at the start, keeps them there, and
    runs no other model on the GPU."""
    resident: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """The models of the `resident` policy: ids from the catalogue, with commas between them."""
    keep_alive: float = Field(default=900, ge=0)
    """Seconds an idle model stays on its device before it is offloaded; 0 keeps it for ever."""
    lease_deadline: float = Field(default=600, gt=0)
    """Seconds a request waits for its model before it is told that the studio is busy."""
    threads: PositiveInt | None = None
    """CPU threads for text; when unset, all usable cores, but for one that a browser on this machine needs."""
    text_slots: PositiveInt = 4
    """Requests one text model serves at the same time."""
    attention: Literal["sdpa", "xformers"] = "sdpa"
    """How image models attend: torch's own way, or xformers where that is installed and works."""
    compile: bool = False
    """Compile image models: slow at first, faster afterwards. For GPUs."""
    channels_last: bool = False
    """Keep the weights of image models in the order that tensor cores prefer."""
    mcp: bool = False
    """Offer the endpoints to language models as tools, by the Model Context Protocol; needs `aigc-studio[mcp]`."""

    openai_base_url: str | None = None
    """An OpenAI-compatible endpoint, up to and including `/v1`."""
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None

    host: str = Field(default_factory=_default_host)
    """The address to listen on: this machine only, and everywhere on a Space, whose proxy comes from outside."""
    port: int | None = Field(default=None, ge=1, le=65535)
    """The port to listen on; the first free one from 7860 when unset."""
    auth: Literal["none", "users", "proxy", "huggingface", "open"] = Field(
        default_factory=lambda: "open" if "SPACE_ID" in os.environ else "none"
    )
    """Who may come in. `none`: the one person at this machine; `users`: accounts of the studio; `proxy`: whom a named
    reverse proxy has let in; `huggingface`: who is signed in there, on a Space; `open`: everybody, each browser by
    itself."""
    auth_header: str = Field("X-Remote-User", pattern=r"^[A-Za-z0-9-]{1,64}$")
    """The header in which a proxy tells who somebody is."""
    admins: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Who is an admin where a proxy or Hugging Face tells names; accounts of the studio have roles instead."""
    allowed_hosts: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = ()
    """Names under which the studio is reached, beside those of this machine, `host`, and a Space's own."""
    trusted_proxies: Annotated[tuple[str, ...], NoDecode, BeforeValidator(_listed)] = Field(
        default_factory=lambda: ("*",) if "SPACE_ID" in os.environ else ()
    )
    """Addresses or networks of the reverse proxies whose forwarded headers count; a Space is behind its own."""
    controls: bool = Field(default_factory=lambda fields: fields.get("auth") == "none")
    """Whether visitors may drop and pin models and change budgets; admins may anyway."""
    fetch: Literal["ask", "listed", "off"] = Field(
        default_factory=lambda fields: "ask" if fields.get("controls") else "listed"
    )
    """What visitors can make the studio fetch: `ask`, whatever they name; `listed`, the models that do each task by
    themselves and those of `default_models` and `resident`; `off`, nothing. The command line may always."""
    owner_running: PositiveInt = 2
    """Jobs of one kind of work that one owner may have under way at the same time."""
    owner_waiting: PositiveInt = 16
    """Jobs that may wait for their turn beside them."""
    owner_requests: PositiveInt = 600
    """Requests of one owner in a minute."""
    owner_uploads: PositiveInt = 2**30
    """Bytes that one owner may upload in an hour."""
    owner_outputs: PositiveInt = 8 * 2**30
    """Bytes of finished files that one owner may have made in a day."""
    queue_length: PositiveInt = 64
    """Jobs of all owners that may wait for one kind of work."""
    max_body: PositiveInt = 4 * 2**20
    """Bytes of one request that is no upload."""
    max_temporary: PositiveInt = 8 * 2**30
    """Bytes of uploads and shown copies that are kept at the same time."""
    drain: float = Field(default=20, ge=0)
    """Seconds that work under way has to end when the studio is told to."""
    nsfw_check: bool = Field(default_factory=lambda: "SPACE_ID" in os.environ)
    """Whether every drawn picture has to pass a check of its content before it is written or shown; on a Space it has
    to, unless this says otherwise."""
    nsfw_threshold: float = Field(default=0.7, ge=0.5, le=1)
    """From what probability on a picture counts as not safe for work."""
    max_upload: PositiveInt = 64 * 2**20
    """Bytes of one uploaded file."""
    max_pixels: PositiveInt = 64_000_000
    """Pixels of one uploaded picture; an enlarged one may have 16 times as many."""
    max_adapter: PositiveInt = 2 * 2**30
    """Bytes of one LoRA or textual inversion brought from the hub."""

    @property
    def on_loopback(self) -> bool:
        """Whether nobody but this machine can reach the studio."""
        return is_loopback(self.host)
