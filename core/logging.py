"""One stream of log lines on stderr: JSON for machines, words for a terminal. Never a token, never a password."""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from core.settings import LogLevel

SECRET_NAMES = {
    "authorization",
    "cookie",
    "password",
    "current_password",
    "new_password",
    "password_hash",
    "token",
    "koreader_hash",
    "x-auth-key",
}
HIDDEN = "[hidden]"
_SECRETS = re.compile(r"(?i)(bearer\s+)[^\s\"',;]+|(://[^\s/:@]*:)[^\s@]+(?=@)")
_NOISY = ("aiohttp.access", "alembic", "arq", "asyncio")

Event = MutableMapping[str, Any]


def set_up(level: LogLevel, *, for_people: bool | None = None) -> None:
    """Send structlog's lines and those of the standard library through the same steps."""
    people = sys.stderr.isatty() if for_people is None else for_people
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if people else "iso", utc=not people),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
        hide_secrets,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    last = structlog.dev.ConsoleRenderer() if people else structlog.processors.JSONRenderer(serializer=_json)
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, last],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)
    for name in _NOISY:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


def hide_secrets(_logger: object, _method: str, event: Event) -> Event:
    """Blank out what must not be read in a log, by its name or by its shape."""
    for name, value in event.items():
        if not name.startswith("_"):
            event[name] = HIDDEN if name.lower() in SECRET_NAMES else _hidden(value)
    return event


def _hidden(value: Any) -> Any:
    if isinstance(value, str):
        return _SECRETS.sub(lambda found: f"{found[1] or found[2]}{HIDDEN}", value)
    if isinstance(value, Mapping):
        return {name: HIDDEN if str(name).lower() in SECRET_NAMES else _hidden(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_hidden(part) for part in value]
    return value


def _json(event: Event, **_: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
