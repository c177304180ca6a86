"""How the service is set up: one TOML file with a section a place, and the environment over it.

    [default]
    workers = 2
    [production]
    database = "postgresql://slipcast@db/slipcast"
    store = "s3://figurines"

`SLIPCAST_SERVICE_ENVIRONMENT=production` picks the section; `SLIPCAST_SERVICE_WORKERS=4` goes over both; what the
command line says goes over all.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from slipcast.core.errors import BadInput

PREFIX = "SLIPCAST_SERVICE_"


class Settings(BaseSettings):
    """Everything that an operator may choose."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True)

    environment: str = "default"
    """The section of the file."""
    data: Path = Path("slipcast-data")
    """Folder of the embedded database and store, of scratch files and of metrics."""
    database: str = ""
    """`postgresql://...` for several machines; SQLite in `data` when empty."""
    store: str = ""
    """`s3://bucket/prefix`, `gs://...`, `az://...` for several machines; a folder in `data` when empty."""
    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str = ""
    """How clients reach the service, for links in answers; where the request came to when empty."""
    workers: int = Field(default=1, ge=0, le=256)
    """Worker processes that `serve` starts beside the API."""
    lease_s: float = Field(default=30.0, ge=0.5)
    """A job whose worker is silent for so long is given to another one; the heartbeat comes four times as often."""
    max_attempts: int = Field(default=3, ge=1, le=1000)
    """Workers that a job may lose before it is set aside."""
    job_limit_s: float = Field(default=900.0, gt=0)
    """Longest time of one attempt."""
    job_memory_mb: int = Field(default=6000, ge=500)
    """Address space of the process that converts."""
    drain_s: float = Field(default=120.0, ge=0)
    """How long a worker that is asked to stop goes on with its job before it gives it back."""
    max_upload_mb: int = Field(default=20, ge=1, le=512)
    """Largest picture."""
    max_pixels: int = Field(default=25_000_000, ge=1024)
    """Largest picture, in pixels, by what its header says."""
    max_pictures: int = Field(default=8, ge=1, le=9)
    """Views of one figurine."""
    provider: str = "gemini"
    """Where pictures from words come from: a row of `slipcast.generate.providers.table`, or `none`."""
    provider_pictures: Path | None = None
    """Folder of the provider `folder`."""
    provider_url: str = ""
    """Another address than the vendor's: a gateway, or a stand-in."""
    vertex_project: str = ""
    """For tenants that are bound to a region."""
    picture_model: str = ""
    """The picture model that is asked; the price table's default when empty."""
    blocked_words: tuple[str, ...] = ()
    """Words and phrases that no prompt may hold."""
    moderation_command: tuple[str, ...] = ()
    """Program that is asked about each job: JSON on its stdin, exit code 0 lets it pass."""
    keep_prompts_in_logs: bool = False
    link_s: int = Field(default=3600, ge=60)
    """How long a signed link is good for."""
    session_s: int = Field(default=12 * 3600, ge=60)
    audit_days: int = Field(default=90, ge=1)
    allow_private_urls: bool = False
    """Let picture URLs and webhooks point into private networks: for tests on one machine only."""
    open_metrics: bool = False
    """Answer /metrics without a key."""
    log_level: str = "INFO"
    trace_exporter: Literal["none", "otlp", "console"] = "none"
    """Where OpenTelemetry spans go."""
    admin_key: SecretStr | None = None
    """The first admin key instead of a random one, for unattended installations."""

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, value: str) -> str:
        if value.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("choose from DEBUG, INFO, WARNING, ERROR")
        return value.upper()

    @property
    def database_url(self) -> str:
        """Where the database is."""
        return self.database or f"sqlite:///{(self.data / 'service.sqlite').resolve()}"

    @property
    def store_url(self) -> str:
        """Where the files are."""
        return self.store or (self.data / "files").resolve().as_uri()

    @property
    def metrics_folder(self) -> Path:
        """Where the processes of this machine share their metrics."""
        return self.data / "metrics"

    @property
    def scratch(self) -> Path:
        """Where workers put what they are at."""
        return self.data / "scratch"


def load_settings(file: Path | None = None, **words: Any) -> Settings:
    """Read the file's section, the environment and the command's words; None among them is not said.

    Raises BadInput that names the field.
    """
    said = {key: value for key, value in words.items() if value is not None}
    try:
        _check_names(name for name in os.environ if name.upper().startswith(PREFIX))
        environment = str(said.get("environment") or Settings().environment)
        from_file = _section(file, environment) if file else {}
        known = Settings()
        over = known.model_dump(include=known.model_fields_set)
        return Settings(**{**from_file, **over, **said, "environment": environment})
    except ValidationError as problem:
        first = problem.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        if field in said:
            raise BadInput(f"{field} is {said[field]}: {first['msg']}", field=field) from None
        raise BadInput(f"the setting {field} is wrong: {first['msg']}; see docs/operations.md") from None
    except SettingsError as problem:
        raise BadInput(f'{problem}; a list is written as JSON: ["one", "two"]') from None


def _check_names(names: Iterable[str], file: Path | None = None) -> None:
    """Raise BadInput for the first of a file's keys, or of the environment's variables, that is no setting."""
    for name in sorted(names):
        plain = name if file else name.upper().removeprefix(PREFIX).lower()
        if plain in Settings.model_fields:
            continue
        found = difflib.get_close_matches(plain, Settings.model_fields, n=1)
        nearest = found[0] if file or not found else f"{PREFIX}{found[0].upper()}"
        cure = f"did you mean {nearest}?" if found else "leave it out"
        raise BadInput(f"{file or 'the environment'} has {name}, which is no setting of the service; {cure}")


def _section(file: Path, environment: str) -> Mapping[str, Any]:
    try:
        sections = tomllib.loads(file.read_text("utf-8"))
    except OSError as problem:
        raise BadInput(
            f"{file} cannot be read ({problem.strerror}); give a TOML file with", cure="config"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise BadInput(f"{file} is no TOML: {problem}") from None
    if environment != "default" and environment not in sections:
        raise BadInput(f"{file} has no section [{environment}]; it has {', '.join(sections) or 'none'}")
    for key, value in sections.items():
        if not isinstance(value, dict):
            raise BadInput(
                f"{file} has {key} outside of a section; put it below [default] or [{environment}]"
            )
    plain: dict[str, Any] = {**sections.get("default", {}), **sections.get(environment, {})}
    _check_names(plain, file)
    return plain
