"""Files that readers take away: as attachments that run nowhere, and that nobody keeps."""

import re
from collections.abc import Mapping
from urllib.parse import quote

LONGEST = 100
_NO_NAME = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|%;]+')

SAFE: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "sandbox; default-src 'none'",
}


def attachment(name: str) -> str:
    """Spell a Content-Disposition, for clients that know UTF-8 and for those that do not."""
    stem, dot, suffix = name.rpartition(".")
    clean = " ".join(_NO_NAME.sub(" ", stem).split())[:LONGEST].strip(". ") or "highlights"
    plain = " ".join(clean.encode("ascii", "ignore").decode().split()) or "highlights"
    return f"attachment; filename=\"{plain}{dot}{suffix}\"; filename*=UTF-8''{quote(clean + dot + suffix, safe='')}"
