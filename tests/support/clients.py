"""Run the client tools of tests/clients: their own package, installed once from its lock file."""

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CLIENTS = ROOT / "tests" / "clients"
SCHEMA = ROOT / "schema.graphql"


def require(program: str) -> str:
    """Find a program; without it the test is skipped, except where everything is required."""
    beside = str(Path(sys.executable).parent)
    found = shutil.which(program) or shutil.which(program, path=beside)
    if found is None:
        if os.environ.get("REQUIRE_ALL") == "1":
            pytest.fail(f"{program} is not installed, and REQUIRE_ALL=1 allows no skipping.")
        pytest.skip(f"{program} is not installed.")
    return found


def installed() -> Path:
    """Install the packages unless they are there as locked; their folder of programs."""
    npm = require("npm")
    lock, modules = CLIENTS / "package-lock.json", CLIENTS / "node_modules"
    stamp = modules / ".locked"
    with (CLIENTS / ".installing").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)  # test processes side by side must not install over each other
        if not stamp.exists() or stamp.read_bytes() != lock.read_bytes():
            done = subprocess.run([npm, "ci", "--silent"], cwd=CLIENTS, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            shutil.copy(lock, stamp)
    return modules / ".bin"


async def run(*command: str | Path, cwd: Path = CLIENTS, patience: float = 100, **environment: str) -> tuple[int, str]:
    """Run a program beside the server that it talks to; its exit code and all it said."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        cwd=cwd,
        env=os.environ | {"NO_COLOR": "1"} | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        async with asyncio.timeout(patience):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, said.decode()


async def verdict(script: str, *arguments: str | Path) -> Any:
    """Run one of our scripts; the verdict it prints last."""
    installed()
    code, said = await run(require("node"), script, *arguments)
    assert code == 0, said
    return json.loads(said.splitlines()[-1])
