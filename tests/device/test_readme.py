"""The commands of device/README.md do what it says, and the package installs."""

import asyncio
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from aiohttp.test_utils import TestClient

from tests.support.clients import ROOT, run

PAGE = (ROOT / "device" / "README.md").read_text()
_BLOCK = re.compile(r"^```(bash \w+|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [(kind, code) for kind, code in _BLOCK.findall(PAGE)]


def promises(code: str) -> list[str]:
    """List what a block says it prints; sentences about it end in a full stop outside quotes and name the command."""
    return [line for line in re.findall(r"→ (.+)$", code, re.MULTILINE) if not line.startswith("The command")]


def here(code: str, http: "TestClient[Any, Any]") -> str:
    """Name the server of this test, and the Python that runs it."""
    return code.replace("127.0.0.1:8000", f"127.0.0.1:{http.port}").replace("python -m", f"{sys.executable} -m")


def test_the_page_has_two_terminals_and_a_program() -> None:
    assert [kind for kind, _ in BLOCKS] == ["bash phone", "bash tablet", "bash phone", "python"]
    assert all(promises(code) for _, code in BLOCKS)


async def test_two_devices_in_two_terminals_and_a_program_do_what_the_page_says(
    http: "TestClient[Any, Any]", tmp_path: Path
) -> None:
    first, tablet, second, program = (here(code, http) for _, code in BLOCKS)
    settings = {"PYTHONPATH": str(ROOT)}
    exports = first.splitlines()[0] + "\n"
    code, said = await run("bash", "-euc", first, cwd=tmp_path, patience=60, **settings)
    assert (code, [p for p in promises(first) if p not in said]) == (0, []), said
    watching = await asyncio.create_subprocess_exec(
        *(
            "bash",
            "-euc",
            tablet.replace(f"{sys.executable} -m device watch", f"exec {sys.executable} -m device watch"),
        ),
        cwd=tmp_path,
        env=os.environ | settings,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert watching.stdout
    heard = ""
    try:
        async with asyncio.timeout(60):
            while promises(tablet)[0] not in heard:
                heard += (await watching.stdout.readline()).decode()
            code, said = await run("bash", "-euc", exports + second, cwd=tmp_path, patience=60, **settings)
            assert (code, [p for p in promises(second) if p not in said]) == (0, []), said
            while promises(tablet)[1] not in heard:
                heard += (await watching.stdout.readline()).decode()
            watching.send_signal(2)
            assert await watching.wait() == 0, "Ctrl-C is how it ends"
    finally:
        if watching.returncode is None:
            watching.kill()
            await watching.wait()
    (tmp_path / "app.py").write_text(program)
    code, said = await run(sys.executable, "app.py", cwd=tmp_path, patience=60, **settings)
    assert (code, [p for p in promises(program) if p not in said]) == (0, []), said


def test_the_package_installs_and_its_program_runs_from_elsewhere(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    for file in (ROOT / "device").iterdir():  # building leaves folders behind: not in the repository
        if file.is_file():
            (source / file.name).write_bytes(file.read_bytes())
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    done = subprocess.run([*pip, "--target", target, source], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    told = subprocess.run(
        [sys.executable, target / "bin" / "commonplace-device", "--help"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(target), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    assert "commonplace-device" in told.stdout
    assert (target / "device" / "engine.py").exists()
