"""Several devices, the web, a bad network and time against a plain model: what is acknowledged is never lost."""

import os
import secrets
import sys

import pytest

from tests.support.sync_bad import BAD, Variant
from tests.support.sync_machine import prove, staged
from tests.support.sync_phone import Diverged

SEED = int(os.environ.get("MACHINE_SEED") or secrets.randbits(32))


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Show a line whether or not the test goes well."""
    with capsys.disabled():
        sys.stderr.write(f"\n{line}\n")


@pytest.mark.timeout(500)
def test_whatever_devices_network_and_time_do_nothing_acknowledged_is_lost(
    urls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, f"MACHINE_SEED={SEED}")
    with staged(urls[0]) as stage:
        prove(stage, examples=50, steps=30, seed_=SEED)
    assert stage.counts["example"] >= 50
    assert stage.counts["check"] >= 100  # as often as somebody had met the server


@pytest.mark.timeout(500)
@pytest.mark.parametrize("variant", BAD, ids=str)
def test_the_machine_notices_what_is_known_to_be_bad(urls: tuple[str, str], variant: Variant) -> None:
    with staged(urls[0], variant.kind) as stage, variant.in_place(), pytest.raises(Diverged):
        prove(stage, examples=300, steps=30, seed_=SEED)
