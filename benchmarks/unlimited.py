"""The app without its limits, to measure what they cost: `python -m benchmarks.unlimited serve`. Not for serving anybody."""

import sys
from typing import Any
from unittest.mock import patch

import app
from clients.limits import LocalBuckets
from commands.line import main
from commands.line_parser import Programs
from schema.extensions import Charged
from schema.root import schema


class OwnBuckets(LocalBuckets):
    """Buckets of this process, where nobody takes from them."""

    def __init__(self, url: str) -> None:
        del url
        super().__init__()

    async def close(self) -> None:
        """Do nothing: there is no connection."""


def run() -> int:
    """Run the command line with limits taken out; what is valid is remembered as ever, that is no limit."""
    schema.extensions = tuple(one for one in schema.extensions if one not in (Charged, _tokens()))
    unchecked: Any = patch("schema.extensions.check_document", lambda *_: [])
    with unchecked, patch.object(app, "ValkeyBuckets", OwnBuckets):
        return main(Programs(make_app=app.create_app, run_worker=app.run_worker))


def _tokens() -> object:
    return next(one for one in schema.extensions if getattr(one, "__name__", "") == "_tokens")


if __name__ == "__main__":
    sys.exit(run())
