"""The large data set, for what is measured on it: where it lies, and how to be any of its readers."""

import argparse
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from auth.tokens import hash_token, new_token
from benchmarks.server import ROOT, App
from commands.large.people import DOMAIN
from core.ids import uuid7

SESSION = timedelta(days=7)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Let the command line say where the data set lies."""
    parser.add_argument(
        "--data-dir",
        type=Path,
        default=ROOT / ".data-large",
        help="what `make seed-large` filled (default: .data-large)",
    )


def require(home: Path) -> Path:
    """Refuse a folder without data."""
    if not (home / "embedded").is_dir():
        raise SystemExit(f"There is no large data set in {home}: run `make seed-large` first.")
    return home.resolve()


async def connect(app: App) -> Any:
    """Open a connection to the app's database."""
    return await asyncpg.connect(app.database_url.replace("+asyncpg", ""))


async def known_readers(connection: Any, where: str = "true", limit: int = 100) -> Sequence[Any]:
    """Read readers of the data set (id, username, follower_count), the best known first."""
    return list(
        await connection.fetch(
            f"SELECT id, username, follower_count FROM users WHERE email LIKE '%@{DOMAIN}' AND ({where})"  # noqa: S608
            " ORDER BY follower_count DESC, id LIMIT $1",
            limit,
        )
    )


async def sign_in(connection: Any, user_ids: Iterable[UUID]) -> list[str]:
    """Make a session for each of these readers, whatever their password; their tokens, in the same order."""
    now, owners = datetime.now(UTC), list(user_ids)
    tokens = [new_token() for _ in owners]
    sessions = [
        (uuid7(), owner, hash_token(token), now, now, now + SESSION)
        for owner, token in zip(owners, tokens, strict=True)
    ]
    columns = ["id", "user_id", "token_hash", "created_at", "last_seen_at", "expires_at"]
    await connection.copy_records_to_table("sessions", records=sessions, columns=columns)
    return tokens
