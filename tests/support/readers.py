"""Make many readers without the cost of hashing a password for each."""

import itertools
from datetime import timedelta
from typing import Any

from aiohttp.test_utils import TestClient

from auth.tokens import hash_token, new_token
from core import clock
from core.ids import global_id, uuid7
from models import Session, SyncCounter, User
from runtime.container import Container
from tests.support.api import Reader

_names = itertools.count(1)


async def seated(http: "TestClient[Any, Any]", container: Container, name: str | None = None) -> Reader:
    """Make a reader who is signed in, without a device; nobody knows the password."""
    username = name or f"seated{next(_names)}"
    token, now, key = new_token(), clock.now(), uuid7()
    user = User(
        id=key, username=username, email=f"{username}@example.org", display_name=username, password_hash="!", bio=""
    )
    async with container.database.writing() as session:
        session.add(user)
        await session.flush()
        session.add(SyncCounter(user_id=key))
        session.add(Session(id=uuid7(), user_id=key, token_hash=hash_token(token), expires_at=now + timedelta(days=7)))
    return Reader(http, token, username, global_id("User", key))
