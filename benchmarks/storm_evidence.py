"""Read what a storm left: from the database past the API, from the API as a new device, and from the devices themselves."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.storm_check import Stamp, Version

REGISTERS = {"text": "passage", "note": "note", "color": "color", "visibility": "visibility", "alive": "life"}
"""What is said of a register, and the register's name."""
COLUMNS = ", ".join(
    ["id", "seq", "text", "note", "color", "visibility", "deleted_at IS NULL AS alive", "conflict_of"]
    + [f"{name}_{part}" for name in REGISTERS.values() for part in ("seq", "at", "device_id")]
)
DIARY = f"SELECT {COLUMNS} FROM storm_diary ORDER BY n"  # noqa: S608 - columns named above
ROWS = f"SELECT {COLUMNS} FROM highlights"  # noqa: S608 - columns named above
OUTCOMES = "SELECT op_id, outcome FROM sync_outcomes"


async def read_diary(engine: AsyncEngine) -> Mapping[str, Sequence[Version]]:
    """Read all versions of all highlights, in the order they were written."""
    versions: dict[str, list[Version]] = defaultdict(list)
    async with engine.connect() as connection:
        async for row in await connection.stream(text(DIARY)):
            version = _version(row)
            versions[version.id].append(version)
    return versions


async def read_rows(engine: AsyncEngine) -> Mapping[str, Version]:
    """Read the highlights as they stand."""
    async with engine.connect() as connection:
        return {str(row.id): _version(row) for row in await connection.execute(text(ROWS))}


async def read_outcomes(engine: AsyncEngine) -> Mapping[str, str]:
    """Read what the server remembers of devices' operations."""
    async with engine.connect() as connection:
        return {str(op_id): str(outcome) for op_id, outcome in await connection.execute(text(OUTCOMES))}


async def mark_of(engine: AsyncEngine) -> Mapping[str, int]:
    """Read the readers' counters: when they stand still, nothing changes any more."""
    async with engine.connect() as connection:
        rows = await connection.execute(text("SELECT user_id, seq FROM sync_counters"))
        return {str(user): int(seq) for user, seq in rows}


def canonical(row: Mapping[str, Any]) -> bytes:
    """Spell a highlight in the one way that can be compared byte for byte."""
    return orjson.dumps(row, option=orjson.OPT_SORT_KEYS)


def _version(row: Row[Any]) -> Version:
    return Version(
        id=str(row.id),
        seq=row.seq,
        values={said: getattr(row, said) for said in REGISTERS},
        stamps={said: _stamp(row, name) for said, name in REGISTERS.items()},
        conflict_of=str(row.conflict_of) if row.conflict_of else None,
    )


def _stamp(row: Row[Any], name: str) -> Stamp:
    writer = getattr(row, f"{name}_device_id")
    return Stamp(getattr(row, f"{name}_seq"), getattr(row, f"{name}_at").timestamp(), str(writer) if writer else None)
