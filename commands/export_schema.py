"""Print the GraphQL schema."""

import sys
from pathlib import Path


def export_schema(path: str | None) -> int:
    """Write the schema to a file, or to standard output."""
    from schema.root import schema

    printed = schema.as_str() + "\n"
    if path is None:
        sys.stdout.write(printed)
    else:
        Path(path).write_text(printed)
    return 0
