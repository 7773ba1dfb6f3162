"""Make the large data set once, for all that is measured on it: how long that takes, and what it then holds."""

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import large, report
from benchmarks.server import environment
from runtime.launch import child_argv


def main() -> None:
    """Make it."""
    parser = argparse.ArgumentParser(description=__doc__)
    large.add_arguments(parser)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", default="1")
    parser.add_argument(
        "--until", default=f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}", help="the latest time (default: now)"
    )
    parser.add_argument("--name", default="seed-large", help="the file in results/")
    wanted = parser.parse_args()
    home: Path = wanted.data_dir.resolve()
    if (home / "embedded").is_dir():
        raise SystemExit(f"There is data in {home} already: delete that folder to make it anew.")
    home.mkdir(parents=True, exist_ok=True)
    home.chmod(0o755)
    began = time.monotonic()
    _run(home, "migrate")
    told = home / "seed-large.json"
    drawn = ("--seed", str(wanted.seed), "--scale", wanted.scale, "--until", wanted.until)
    _run(home, "seed-large", *drawn, "--report", str(told))
    seconds = time.monotonic() - began
    found = json.loads(told.read_text())
    report.write(
        wanted.name,
        [
            *report.header(wanted.seed),
            f"drawn     app.py seed-large {' '.join(drawn)}: the same words make the same rows",
            f"counts    {sum(count for count, _ in found['tables'].values()):,} rows",
            f"duration  {found['seconds']:.0f} s, of which servers and migrations not; {seconds:.0f} s with them",
            "checksum  the sum of the hashes of all rows of a table, in hex",
            "",
            *(f"{name:<20} {count:>10,}   {checksum}" for name, (count, checksum) in found["tables"].items()),
        ],
    )


def _run(home: Path, *arguments: str) -> None:
    done = subprocess.run(
        child_argv(*arguments), check=False, cwd=home, env=environment(home), stdout=subprocess.DEVNULL
    )
    if done.returncode:
        print(f"{arguments[0]} failed.", file=sys.stderr)
        sys.exit(done.returncode)


if __name__ == "__main__":
    os.umask(0o022)
    main()
