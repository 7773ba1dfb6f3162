"""Settings: from the environment and a `.env` file, each with a default that works."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from core.storage_url import read_storage_url


class SettingsError(Exception):
    """A sentence that names the wrong setting."""


class Profile(StrEnum):
    """What the server is open about."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class SignUp(StrEnum):
    """Who may make an account."""

    OPEN = "open"
    CLOSED = "closed"


class LogLevel(StrEnum):
    """From which weight on log lines are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Settings(BaseSettings):
    """All settings of one process; names are those of the environment."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True)

    host: str = Field(default="127.0.0.1", description="The address to listen on.")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=8000, description="The port to listen on.")
    profile: Profile = Field(
        default=Profile.DEVELOPMENT,
        description="`development` (GraphiQL, introspection, demo data) or `production` (none of them).",
    )
    data_dir: Path = Field(
        default=Path(".data"), description="Where the embedded servers keep data, logs and passwords; and figures."
    )
    database_url: str | None = Field(
        default=None, description="`postgresql://user:password@host:port/name`, `?ssl=require` for TLS; none: embedded."
    )
    redis_url: str | None = Field(
        default=None, description="`redis://:password@host:port/number`, `rediss://` for TLS; none: embedded."
    )
    secret_key: Annotated[str, Field(min_length=32)] | None = Field(
        default=None, description="Signs links that expire; none: made once in DATA_DIR. One for all processes."
    )
    public_url: str | None = Field(
        default=None,
        description="`https://reading.example.org`, where readers find this server; none: as they called it.",
    )
    log_level: LogLevel = Field(default=LogLevel.INFO, description="`debug`, `info`, `warning` or `error`.")
    sign_up: SignUp = Field(default=SignUp.OPEN, description="`open` or `closed`: who may make an account.")
    public_book_readers: Annotated[int, Field(ge=3)] = Field(
        default=5, description="A book without ISBN is public from so many distinct readers on."
    )
    follow_limit: Annotated[int, Field(ge=1)] = Field(
        default=5_000, description="How many readers one reader may follow, requests that wait included."
    )
    pull_threshold: Annotated[int, Field(ge=0)] = Field(
        default=10_000,
        description="Posts of authors with more followers are read by each follower, not written into timelines.",
    )
    timeline_length: Annotated[int, Field(ge=1, le=5_000)] = Field(
        default=800,
        description="Entries that the timeline of an active reader holds; older ones are read from the tables.",
    )
    timeline_days: Annotated[float, Field(gt=0)] = Field(
        default=7, description="Days after which the timeline of a reader who does not look is dropped."
    )
    fanout_chunk: Annotated[int, Field(ge=1, le=10_000)] = Field(
        default=1_000, description="Followers to whose timelines one job writes."
    )
    sign_ups_per_hour: Annotated[int, Field(ge=1)] = Field(
        default=20, description="Sign-ups that one address may try within an hour, names found taken included."
    )
    trusted_proxies: Annotated[int, Field(ge=0, le=5)] = Field(
        default=0, description="How many proxies of yours stand in front and append to X-Forwarded-For."
    )
    database_pool: Annotated[int, Field(ge=2, le=100)] = Field(
        default=12, description="Connections to PostgreSQL that one process holds at most."
    )
    cost_per_minute: Annotated[int, Field(ge=5_000)] = Field(
        default=20_000, description="What a signed-in reader's operations may cost in a minute."
    )
    cost_per_minute_signed_out: Annotated[int, Field(ge=100)] = Field(
        default=2_000, description="What the operations of one address may cost in a minute, signed out."
    )
    allowed_origins: str = Field(
        default="", description="Origins of web apps, separated by commas, that may call the API from a browser."
    )
    introspection: bool | None = Field(
        default=None, description="Whether the schema can be asked for; unless told, only in development."
    )
    graphiql: bool | None = Field(
        default=None, description="Whether GraphiQL is served; unless told, only in development."
    )
    persisted_only: bool = Field(
        default=False, description="Take only operations that `app.py persist` has registered."
    )
    sockets_per_reader: Annotated[int, Field(ge=1)] = Field(
        default=20, description="Sockets that one reader may hold open in one process."
    )
    storage_url: str | None = Field(
        default=None,
        description="Where uploaded files lie: `file:///folder`, or `s3://key:secret@host:port/bucket?region=…&tls=1`; none: in DATA_DIR.",
    )
    image_megabytes: Annotated[int, Field(ge=1, le=50)] = Field(
        default=10, description="How large an uploaded picture may be."
    )
    import_megabytes: Annotated[int, Field(ge=1, le=200)] = Field(
        default=25, description="How large an uploaded file of highlights may be."
    )
    undo_days: Annotated[int, Field(ge=1)] = Field(default=30, description="Days for which a delete can be undone.")
    tombstone_days: Annotated[int, Field(ge=31)] = Field(
        default=180, description="Days for which a deleted highlight's id is remembered."
    )
    outcome_days: Annotated[int, Field(ge=31)] = Field(
        default=35, description="Days for which outcomes and idempotency keys are remembered."
    )
    export_minutes: Annotated[int, Field(ge=1, le=1440)] = Field(
        default=15, description="Minutes for which the link of an export is good."
    )
    audit_days: Annotated[int, Field(ge=1)] = Field(
        default=1095, description="Days for which it is remembered who exported, shared, signed in or changed privacy."
    )
    job_lease_seconds: Annotated[float, Field(gt=0)] = Field(
        default=15.0, description="A worker that is silent for so long loses its job to another."
    )

    @property
    def shows_schema(self) -> bool:
        """Whether the schema can be asked for."""
        return self.profile is Profile.DEVELOPMENT if self.introspection is None else self.introspection

    @property
    def shows_graphiql(self) -> bool:
        """Whether GraphiQL is served."""
        return self.profile is Profile.DEVELOPMENT if self.graphiql is None else self.graphiql

    @field_validator("database_url")
    @classmethod
    def _driver(cls, value: str | None) -> str | None:
        if value is None:
            return None
        kind, _, rest = value.partition("://")
        if kind not in {"postgres", "postgresql", "postgresql+asyncpg"}:
            raise ValueError("must begin with postgresql://")
        try:
            url = make_url(f"postgresql+asyncpg://{rest}")
        except (ArgumentError, ValueError):
            raise ValueError("is no URL of the form postgresql://user:password@host:port/name") from None
        if not (url.host or url.query.get("host")) or not url.database:
            raise ValueError("must name a host and a database: postgresql://user:password@host:port/name")
        # libpq's name for what asyncpg calls ssl.
        query = {"ssl" if name == "sslmode" else name: word for name, word in url.query.items()}
        return url.set(query=query).render_as_string(hide_password=False)

    @field_validator("public_url")
    @classmethod
    def _origin(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parsed = urlsplit(value)
            good = parsed.scheme in {"http", "https"} and bool(parsed.hostname) and parsed.port != 0
        except ValueError:
            good = False
        if not good or parsed.query or parsed.fragment or parsed.username or value != value.strip():
            raise ValueError("must be of the form https://host, with a port or a path if there is one")
        return value.rstrip("/")

    @field_validator("redis_url")
    @classmethod
    def _scheme(cls, value: str | None) -> str | None:
        if value is None:
            return None
        try:
            parsed = urlsplit(value)
            good = parsed.scheme in {"redis", "rediss"} and bool(parsed.hostname) and parsed.port != 0
        except ValueError:
            good = False
        if not good:
            raise ValueError("must be of the form redis://host:port/number, or rediss:// with TLS")
        return value

    @field_validator("storage_url")
    @classmethod
    def _storage(cls, value: str | None) -> str | None:
        if value is not None:
            read_storage_url(value)
        return value


def load_settings() -> Settings:
    """Read the settings; raise SettingsError with one sentence for each wrong one."""
    try:
        return Settings()
    except ValidationError as error:
        wrong = (f"{str(e['loc'][0]).upper()}: {e['msg'].removeprefix('Value error, ')}." for e in error.errors())
        raise SettingsError(" ".join(wrong)) from None
