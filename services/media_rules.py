"""What may be uploaded: kinds and sizes by purpose, and what a file for importing may be."""

from dataclasses import dataclass
from pathlib import Path

from core.errors import Invalid, Problems
from models.media import UploadPurpose

IMAGE_TYPES = ("image/jpeg", "image/png", "image/webp", "image/gif")
TEXT_TYPES = ("text/plain", "text/csv", "application/json", "application/ld+json")
ZIP = "application/zip"
ANYTHING = "application/octet-stream"
"""What browsers say of files they do not know, such as `.annotations`."""
IMPORT_TYPES = (*TEXT_TYPES, ZIP, ANYTHING)
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class UploadDraft:
    """A file that is announced."""

    content_type: str
    byte_size: int
    purpose: UploadPurpose


@dataclass(frozen=True, slots=True)
class Sizes:
    """How large a file may be, in bytes."""

    image: int
    imported: int

    def most(self, purpose: UploadPurpose) -> int:
        """Tell it for a purpose."""
        return self.imported if purpose is UploadPurpose.IMPORT else self.image


def bare_type(content_type: str) -> str:
    """Reduce a media type to its name: `text/plain; charset=utf-8` is plain text."""
    return content_type.partition(";")[0].strip().lower()


def check_draft(draft: UploadDraft, sizes: Sizes) -> None:
    """Check what is announced; raise Invalid."""
    problems = Problems()
    most = sizes.most(draft.purpose)
    types = IMPORT_TYPES if draft.purpose is UploadPurpose.IMPORT else IMAGE_TYPES
    problems.check(
        bare_type(draft.content_type) in types, f"A file of this purpose is one of: {', '.join(types)}.", "contentType"
    )
    if draft.byte_size > most:
        problems.add(f"A file of this purpose has at most {most >> 20} MB ({most:,} bytes).", "byteSize")
    else:
        problems.check(draft.byte_size > 0, "A file has at least one byte.", "byteSize")
    problems.raise_any()


def type_of_import(path: Path, announced: str) -> str:
    """Tell from its bytes what a file for importing is; raise Invalid for one that is neither text nor ZIP."""
    with path.open("rb") as file:
        piece = file.read(_PIECE)
        if piece.startswith(b"PK\x03\x04"):
            if announced not in {ZIP, ANYTHING}:
                raise Invalid(f"This is a ZIP file, announced as {announced}.")
            return ZIP
        if announced == ZIP:
            raise Invalid("This is no ZIP file.")
        is_wide = piece.startswith(_MARKS)
        while piece:
            if not is_wide and b"\x00" in piece:
                raise Invalid("This is neither a text nor a ZIP file.")
            piece = file.read(_PIECE)
    return announced if announced in TEXT_TYPES else "text/plain"
