"""The secret that tokens are signed with: given, or made once in DATA_DIR for all processes that share it."""

import os
import secrets
from pathlib import Path

from core.settings import Settings

NAME = "secret-key"


def secret_of(settings: Settings) -> str:
    """Tell the secret; makes it when there is none yet."""
    if settings.secret_key is not None:
        return settings.secret_key
    path = settings.data_dir / NAME
    if not path.exists():
        _make(path)
    return path.read_text().strip()


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"{NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(secrets.token_urlsafe(48))
    try:
        # Of two processes that start at once, the first to link wins; nobody ever reads half a secret.
        os.link(written, path)
    except FileExistsError:
        pass
    finally:
        written.unlink()
