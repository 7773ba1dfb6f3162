"""What became of each write, as its client knew it: acknowledged, failed for certain, or unknown."""

import asyncio
import random
import time
from dataclasses import dataclass, field
from enum import StrEnum

from benchmarks.client import Client, NotSent, Refused, Unknown

AGAIN_WITHIN = 60.0


class Outcome(StrEnum):
    """What a client knows of a write."""

    ACKED = "acknowledged"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(eq=False)
class Write:
    """One write, invoked at `began` by the monotonic clock."""

    key: str
    text: str
    began: float
    outcome: Outcome = Outcome.UNKNOWN
    first: Outcome = Outcome.UNKNOWN
    ended: float = 0.0
    tries: int = 0
    why: str = ""
    had_effect: bool | None = None
    """Of a write that stayed unknown until the kills were over: whether it had been done before it was sent again."""


@dataclass
class Ledger:
    """All writes of a run."""

    writes: list[Write] = field(default_factory=list)
    acks: list[Write] = field(default_factory=list)

    def of(self, outcome: Outcome) -> list[Write]:
        """List the writes with this outcome."""
        return [write for write in self.writes if write.outcome is outcome]

    def acked_since(self, moment: float) -> Write | None:
        """Find a write that began after a moment and is acknowledged."""
        return next((write for write in self.acks[-500:] if write.began > moment), None)

    async def send(self, client: Client, write: Write) -> None:
        """Send a write, once more or for the first time, and note what is known of it then."""
        write.tries += 1
        try:
            await client.create(write.text, write.key)
            write.outcome = Outcome.ACKED
        except NotSent:
            # Of a write sent before, that attempt's end stays as unknown as it was.
            write.outcome = Outcome.FAILED if write.tries == 1 else Outcome.UNKNOWN
            write.why = "not sent"
        except Unknown as error:
            write.outcome, write.why = Outcome.UNKNOWN, str(error)
        except Refused as error:
            write.outcome, write.why = Outcome.FAILED, str(error)
        write.ended = time.monotonic()
        if write.tries == 1:
            write.first = write.outcome
        if write.outcome is Outcome.ACKED:
            self.acks.append(write)


async def create_until(stop: asyncio.Event, ledger: Ledger, client: Client, number: int, seed: int) -> None:
    """Write one passage after another. Odd clients send an unknown one again at once, even ones when the kills are over."""
    chance = random.Random(seed * 1_000 + number)
    count = 0
    while not stop.is_set():
        count += 1
        text = f"Client {number}, passage {count}: {chance.getrandbits(64):016x} grains of salt."
        write = Write(f"{number}-{count}-{chance.getrandbits(32):08x}", text, time.monotonic())
        ledger.writes.append(write)
        await ledger.send(client, write)
        while number % 2 and write.outcome is Outcome.UNKNOWN and not stop.is_set():
            await asyncio.sleep(0.1)
            await ledger.send(client, write)
        await asyncio.sleep(0.02 if write.outcome is Outcome.ACKED else 0.1)


async def settle(ledger: Ledger, client: Client) -> None:
    """Send what is still unknown again, with its own key, until it is known."""
    deadline = time.monotonic() + AGAIN_WITHIN
    while (unknown := ledger.of(Outcome.UNKNOWN)) and time.monotonic() < deadline:
        for write in unknown:
            await ledger.send(client, write)
        await asyncio.sleep(0.1)
