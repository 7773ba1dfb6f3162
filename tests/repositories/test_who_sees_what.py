"""Follows, requests, blocks, mutes, privacy and secrets of stories, in any order, against a plain oracle of who may see what."""

import os
import secrets
import sys

import pytest

from tests.support.who_sees_what_bad import BAD, Variant
from tests.support.who_sees_what_compare import Differs
from tests.support.who_sees_what_machine import prove, staged

SEED = int(os.environ.get("MACHINE_SEED") or secrets.randbits(32))


@pytest.mark.timeout(300)
def test_whatever_readers_do_everybody_sees_what_the_design_says(
    urls: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        sys.stderr.write(f"\nMACHINE_SEED={SEED}\n")
    with staged(urls[0]) as stage:
        prove(stage, examples=50, steps=30, seed_=SEED)
    assert stage.counts["example"] >= 50
    assert stage.counts["compared"] >= 50 * 54


@pytest.mark.timeout(300)
@pytest.mark.parametrize("variant", BAD, ids=str)
def test_the_machine_notices_what_is_known_to_be_bad(urls: tuple[str, str], variant: Variant) -> None:
    with staged(urls[0]) as stage, variant.in_place(), pytest.raises(Differs):
        prove(stage, examples=300, steps=30, seed_=SEED)
