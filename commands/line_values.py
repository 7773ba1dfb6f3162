"""What words on the command line mean; a wrong one is refused with what would be right."""

import argparse
from datetime import datetime

from commands import seed_large, serve


def positive(word: str) -> int:
    """Read a number from 1 on."""
    count = int(word)
    if count < 1:
        raise argparse.ArgumentTypeError("1 or more")
    return count


def share(word: str) -> float:
    """Read a scale of the large data set."""
    share = float(word)
    if not seed_large.SMALLEST <= share <= 1:
        raise argparse.ArgumentTypeError(f"between {seed_large.SMALLEST} and 1")
    return share


def moment(word: str) -> datetime:
    """Read a moment, which must say its time zone."""
    found = datetime.fromisoformat(word)
    if found.tzinfo is None:
        raise argparse.ArgumentTypeError("with its time zone, such as 2026-11-21T12:00Z")
    return found


def count(word: str) -> int:
    """Read how many processes serve."""
    count = int(word)
    if not 1 <= count <= serve.MOST_WORKERS:
        raise argparse.ArgumentTypeError(f"between 1 and {serve.MOST_WORKERS}")
    return count
