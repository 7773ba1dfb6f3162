"""What every result file begins with, and how figures are told."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from benchmarks.server import ROOT

RESULTS = ROOT / "benchmarks" / "results"


def header(seed: int | None = None) -> list[str]:
    """Say what was run, of which state of the code, on what machine."""
    module = (sys.modules["__main__"].__spec__ or __spec__).name
    load = " ".join(f"{figure:.1f}" for figure in os.getloadavg())
    return [
        f"command   python -m {' '.join([module, *sys.argv[1:]])}",
        f"seed      {'none: nothing is random' if seed is None else seed}",
        f"commit    {commit()}",
        f"machine   {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python {platform.python_version()}",
        f"load      {load} (1, 5, 15 minutes, as the run ended; shared machine)",
        f"date      {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    ]


def commit() -> str:
    """Name the state of the code."""
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", ".", ":!benchmarks/results")
    return _git("rev-parse", "--short=12", "HEAD") + (" and uncommitted changes" if changed else "")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()  # noqa: S607


def write(name: str, lines: Iterable[str]) -> None:
    """Print the results, and keep them."""
    text = "\n".join([*lines, ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.txt").write_text(text)
    print(f"\n{text}", flush=True)


def quantile(values: Sequence[float], share: float) -> float:
    """Tell the value that this share of the values does not exceed; nan of nothing."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * round(share * 1_000) // 1_000) - 1)] if ordered else float("nan")


def median(values: Sequence[float]) -> float:
    """Tell the middle value; nan of nothing."""
    return quantile(values, 0.5)


def progress(line: str) -> None:
    """Show that something happens."""
    print(line, file=sys.stderr, flush=True)
