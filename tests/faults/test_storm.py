"""A very small storm, so that the harness of the large one (`make storm`) cannot rot unseen."""

import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.server import ROOMY, App, running
from benchmarks.storm_check import check
from benchmarks.storm_world import Plan, storm_of


@pytest.fixture
def app() -> Iterator[App]:
    before = signal.getsignal(signal.SIGTERM)
    with running([sys.executable, "-m", "benchmarks.storm_app"], **ROOMY) as started:
        yield started
    signal.signal(signal.SIGTERM, before)


@pytest.mark.timeout(300)
async def test_a_small_storm_leaves_nothing_lost_doubled_or_diverged(app: App, tmp_path: Path) -> None:
    plan = Plan(seed=5, ops=250, minutes=0.5, devices=5, pace=0.4, clones=1, faults=3, drain_seconds=2.0)
    async with storm_of(plan, app, tmp_path) as storm:
        await storm.blow()
        evidence = await storm.evidence()
        faults, deaths = (
            storm.nemesis.total,
            sum(n for kind, n in storm.nemesis.counts.items() if "network" not in kind),
        )
    assert check(evidence) == []
    # The storm did blow: there were faults, operations of each kind of client, and devices that hold something.
    assert faults >= 3
    assert deaths >= 1
    acked = [asked for asked in evidence.asked if asked.is_acked]
    assert len(acked) > 50
    assert {asked.writer.startswith("web") for asked in acked} == {True, False}
    assert all(held for _, held in evidence.held.values())
    assert len(evidence.history) >= len(evidence.rows) > 0
