"""The files GraphiQL is made of: which they are, where they lie, and whether they are what they should be.

Strawberry's own page names them, each with version and hash: so they follow the installed Strawberry, and the repository holds none.
"""

import base64
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from strawberry.http.ides import get_graphql_ide_html

_REFERENCE = re.compile(r'"https://unpkg\.com/((?:@[\w-]+/)?[\w.-]+)@([\d.]+)/([^"]+)"\s+integrity="sha384-([^"]+)"')
STOCK_ORIGIN = "https://unpkg.com"


@dataclass(frozen=True)
class Pin:
    """One file of an npm package, and what its bytes must hash to."""

    package: str
    version: str
    path: str
    sha384: str

    @property
    def spec(self) -> str:
        """The package as npm is asked for it."""
        return f"{self.package}@{self.version}"

    @property
    def name(self) -> str:
        """The file's name in the folder and in addresses; another version has another."""
        return f"{self.spec}/{self.path}"

    def matches(self, content: bytes) -> bool:
        """Tell whether these are the bytes that were pinned."""
        return base64.b64encode(hashlib.sha384(content).digest()).decode() == self.sha384


def stock_page() -> str:
    """Read Strawberry's page, which loads GraphiQL from the internet."""
    return get_graphql_ide_html("graphiql")


def pins(page: str) -> list[Pin]:
    """List what a page loads, in its order."""
    return [Pin(*found) for found in _REFERENCE.findall(page)]


def folder_in(data_dir: Path) -> Path:
    """Tell where the files lie."""
    return data_dir / "graphiql"


def read_files(folder: Path, wanted: list[Pin]) -> dict[str, bytes] | None:
    """Read all files by name; None unless every one is there and has the right bytes. Blocks."""
    files: dict[str, bytes] = {}
    for pin in wanted:
        path = folder / pin.name
        content = path.read_bytes() if path.is_file() else b""
        if not pin.matches(content):
            return None
        files[pin.name] = content
    return files
