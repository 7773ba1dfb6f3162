"""Every example of docs/clients.md runs, and prints what it says it prints."""

import json
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from commands.demo_data import DEMO_READER, PASSWORD
from tests.support.api import Reader
from tests.support.clients import CLIENTS, ROOT, SCHEMA, installed, require, run

PAGE = (ROOT / "docs" / "clients.md").read_text()
_BLOCK = re.compile(r"^## (?P<title>.+?)$|^```(?P<language>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
ENDINGS = {"js": "mjs", "python": "py", "bash": "sh"}


@dataclass(frozen=True)
class Example:
    """A block of the page."""

    title: str
    language: str
    code: str

    @property
    def promises(self) -> list[str]:
        """What it says it prints."""
        return re.findall(r"→ (.+)$", self.code, re.MULTILINE)


def _examples() -> list[Example]:
    title, found = "", []
    for block in _BLOCK.finditer(PAGE):
        title = block["title"] or title
        if block["language"]:
            found.append(Example(title, block["language"], block["code"]))
    return found


EXAMPLES = _examples()


def test_the_page_has_an_example_for_each_client() -> None:
    titles = [
        "curl",
        "Apollo Client",
        "urql",
        "Relay",
        "Relay",
        "Python: gql",
        "Python: plain aiohttp",
        "A bare socket",
    ]
    assert [example.title for example in EXAMPLES] == titles


@pytest.fixture
async def token(http: "TestClient[Any, Any]") -> str:
    """The demo reader's, as `make run` makes it."""
    made = await Reader(http).mutate(
        "signUp",
        "token",
        username=DEMO_READER,
        email=f"{DEMO_READER}@example.org",
        password=PASSWORD,
        displayName="Mara",
        device={"name": "Reader", "platform": "test"},
    )
    return str(made["token"])


@pytest.mark.parametrize("example", [pytest.param(it, id=it.title) for it in EXAMPLES if it.language in ENDINGS])
async def test_the_example_prints_what_it_says(
    example: Example, http: "TestClient[Any, Any]", token: str, tmp_path: Path
) -> None:
    program = {"python": lambda: sys.executable, "js": lambda: require("node"), "bash": lambda: require("bash")}
    if example.language == "js":
        installed()
        (tmp_path / "node_modules").symlink_to(CLIENTS / "node_modules")
    if example.language == "bash":
        require("curl")
    path = tmp_path / f"example.{ENDINGS[example.language]}"
    path.write_text(example.code.replace("127.0.0.1:8000", f"127.0.0.1:{http.port}"))
    code, said = await run(program[example.language](), path, cwd=tmp_path, patience=30, TOKEN=token)
    assert code == 0, said
    assert example.promises
    for promise in example.promises:
        assert promise in said


async def test_relay_compiles_with_the_configuration_of_the_page(tmp_path: Path) -> None:
    compiler = installed() / "relay-compiler"
    (config,) = (example.code for example in EXAMPLES if example.language == "json")
    assert json.loads(config)["language"] == "typescript"
    (tmp_path / "relay.config.json").write_text(config)
    (tmp_path / "src").mkdir()
    shutil.copy(CLIENTS / "relay" / "app.ts", tmp_path / "src")
    shutil.copy(SCHEMA, tmp_path)
    code, said = await run(compiler, "relay.config.json", cwd=tmp_path)
    assert code == 0, said
