"""Compare what clients know with what the database holds, what the API tells, and what devices have."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.kill_ledger import Ledger, Outcome

HELD = """SELECT h.text FROM highlights h JOIN users u ON u.id = h.user_id
WHERE u.username = :name AND h.deleted_at IS NULL"""
JOBS = "SELECT state, count(*) FROM jobs WHERE kind = 'run_import' GROUP BY state"
FILES = "SELECT count(*) FROM imports i JOIN users u ON u.id = i.user_id WHERE u.username = :name"


@dataclass(frozen=True)
class Verdict:
    """How what there is differs from what was acknowledged."""

    where: str
    acked: int
    lost: list[str]
    doubled: list[str]
    extra: list[str]
    """There, though nobody was told so."""

    @property
    def is_exact(self) -> bool:
        """Whether it does not differ."""
        return not (self.lost or self.doubled or self.extra)

    def __str__(self) -> str:
        """Tell it in a line, with an example of each."""
        shown = [f"; first {name}: {some[0]}" for name, some in vars(self).items() if isinstance(some, list) and some]
        counts = f"lost {len(self.lost)}, doubled {len(self.doubled)}, extra {len(self.extra)}"
        return f"{self.where:<34} acknowledged {self.acked:6,}, {counts}{''.join(shown)}"


def compare(where: str, acked: Iterable[str], found: Iterable[str]) -> Verdict:
    """Compare the texts acknowledged with the texts found."""
    wanted, there = set(acked), Counter(found)
    return Verdict(
        where,
        len(wanted),
        sorted(wanted - there.keys()),
        sorted(words for words, count in there.items() if count > 1),
        sorted(there.keys() - wanted),
    )


async def held_by(engine: AsyncEngine, name: str) -> list[str]:
    """Read a reader's highlights past the API."""
    async with engine.connect() as connection:
        return list(await connection.scalars(text(HELD), {"name": name}))


async def jobs_by_state(engine: AsyncEngine) -> Mapping[str, int]:
    """Count the jobs that let files in."""
    async with engine.connect() as connection:
        return {state: count for state, count in await connection.execute(text(JOBS))}


async def files_of(engine: AsyncEngine, name: str) -> int:
    """Count a reader's imports."""
    async with engine.connect() as connection:
        return int(await connection.scalar(text(FILES), {"name": name}) or 0)


async def look_at_unknown(engine: AsyncEngine, name: str, ledger: Ledger) -> None:
    """Note which unknown writes have been done, before they are sent again."""
    there = set(await held_by(engine, name))
    for write in ledger.of(Outcome.UNKNOWN):
        write.had_effect = write.text in there


def told(ledger: Ledger) -> Sequence[str]:
    """Tell what became of the writes."""
    unknown = [write for write in ledger.writes if write.first is Outcome.UNKNOWN]
    put_off = [write for write in unknown if write.had_effect is not None]
    why = Counter(write.why for write in ledger.of(Outcome.FAILED))
    acked, failed, open_still = (len(ledger.of(outcome)) for outcome in Outcome)
    done = sum(bool(write.had_effect) for write in put_off)
    return [
        f"writes    invoked {len(ledger.writes):,}: acknowledged {acked:,}, failed for certain {failed:,}, unknown {open_still:,}",
        f"failed    {', '.join(f'{reason}: {count}' for reason, count in why.most_common()) or 'none'}",
        f"unknown   at first {len(unknown):,} ({_kinds(unknown)})",
        f"          {len(unknown) - len(put_off):,} sent again at once; {len(put_off):,} after the kills, of which {done:,} had been done",
    ]


def _kinds(writes: Iterable[object]) -> str:
    return ", ".join(
        f"{reason}: {count}" for reason, count in Counter(getattr(write, "why", "") for write in writes).most_common()
    )
