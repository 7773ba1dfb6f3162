"""Compare the schema with the API contract beside this folder: contract-gaps.txt lists what is still missing, and may only shrink.

Run by `make gaps`; CONTRACT_FOLDER says where the contract is when it is elsewhere.
With `--write` what is closed leaves the list; any other gap that is new has to be argued for by hand.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
BESIDE = ROOT.parent / "shared"
LISTED = ROOT / "contract-gaps.txt"


def compare(found: set[str], listed: set[str]) -> list[str]:
    """Say what is wrong with the list."""
    new = [f"new gap, not in {LISTED.name}: {gap}" for gap in sorted(found - listed)]
    return new + [f"closed, but still in {LISTED.name}: {gap}" for gap in sorted(listed - found)]


def shrunk(found: set[str], listed: set[str]) -> set[str]:
    """Take what is closed off the list; what a type still lacks was part of the gap that the type itself was."""
    was_missing = {gap.split()[1].rstrip(":") for gap in listed if gap.startswith("missing ")}
    return {gap for gap in found if gap in listed or re.split(r"[.: ]", gap.split(maxsplit=1)[1])[0] in was_missing}


def gaps(checker: Path, schema: Path) -> set[str]:
    """Ask the checker for all gaps."""
    said = subprocess.run(
        [sys.executable, str(checker), str(schema)], capture_output=True, text=True, check=False, cwd=ROOT
    )
    lines = said.stdout.splitlines()
    if said.returncode not in {0, 1} or not lines or " gaps against " not in lines[-1]:
        raise RuntimeError(f"{checker} failed: {said.stderr}")
    return {" ".join(line.split()) for line in lines[:-1] if line.strip()}


def main(arguments: list[str]) -> int:
    """Compare; return the exit code."""
    checker = Path(os.environ.get("CONTRACT_FOLDER") or BESIDE) / "check_contract.py"
    if not checker.exists():
        print(f"There is no {checker}: the contract was not compared.")
        return 0
    found = gaps(checker, ROOT / "schema.graphql")
    listed = set(LISTED.read_text().splitlines()) if LISTED.exists() else found
    if "--write" in arguments:
        listed = shrunk(found, listed)
        LISTED.write_text("".join(f"{gap}\n" for gap in sorted(listed)))
    wrong = compare(found, listed)
    print(*wrong, sep="\n", end="\n" if wrong else "")
    print(f"{len(found)} gaps against the contract, {len(listed)} listed.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
