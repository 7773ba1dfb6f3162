"""Readers, jobs, a Valkey that comes and goes and builders held half-way, against a plain model of what a home feed is."""

import os
import secrets
import sys

import pytest

from tests.support.feed_bad import EASY, Variant
from tests.support.feed_check import WrongFeed
from tests.support.feed_machine import prove, staged

SEED = int(os.environ.get("MACHINE_SEED") or secrets.randbits(32))


def say(capsys: pytest.CaptureFixture[str], line: str) -> None:
    """Show a line whether or not the test goes well."""
    with capsys.disabled():
        sys.stderr.write(f"\n{line}\n")


@pytest.mark.timeout(500)
def test_every_page_of_every_feed_is_what_the_history_says(
    urls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    say(capsys, f"MACHINE_SEED={SEED}")
    with staged(urls) as stage:
        prove(stage, examples=15, steps=30, seed_=SEED)
    assert stage.counts["settle"] >= 15
    assert stage.counts["pages: exact"] > 100


@pytest.mark.timeout(500)
@pytest.mark.parametrize("variant", EASY, ids=str)
def test_the_machine_notices_what_is_known_to_be_bad(urls: tuple[str, str], variant: Variant) -> None:
    with variant.in_place(), staged(urls) as stage, pytest.raises(WrongFeed):
        prove(stage, examples=variant.examples, steps=30, seed_=SEED)
