"""Pictures, drawn anew: what comes out has the pixels of what came in, and nothing else of it."""

import io
import struct
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageCms, UnidentifiedImageError

from core.errors import Invalid
from models.media import UploadPurpose

JPEG_PIXELS_MOST, PIXELS_MOST = 60_000_000, 24_000_000
"""A JPEG is decoded at a fraction of its size; anything else takes four bytes of memory for each pixel, twice."""
SIDE_MOST = 20_000
AVATAR_SIDE, POST_SIDE = 512, 2048
QUALITY = 82
CONTENT_TYPE, SUFFIX = "image/webp", ".webp"
_FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}
# A phone's JPEG with a second picture behind the first is opened as one of several.
_TYPES = {name: kind for kind, name in _FORMATS.items()} | {"MPO": "image/jpeg"}
_BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
_BROKEN = (
    OSError,
    SyntaxError,
    ValueError,
    EOFError,
    IndexError,
    KeyError,
    TypeError,
    ArithmeticError,
    MemoryError,
    struct.error,
)
"""What the decoders raise for files that are cut off, or made up."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What the orientation of a photograph asks for."""
BAD = "This picture is damaged, or none."
LARGE = (
    f"A JPEG has at most {JPEG_PIXELS_MOST // 1_000_000} million pixels, another picture {PIXELS_MOST // 1_000_000}, "
    f"and each at most {SIDE_MOST:,} on a side."
)
_SMOOTH = {"L", "LA", "RGB", "RGBA", "CMYK"}
"""Modes that can be scaled as they are."""


@dataclass(frozen=True, slots=True)
class Picture:
    """What was drawn."""

    width: int
    height: int
    content_type: str = CONTENT_TYPE
    suffix: str = SUFFIX


def redrawn(source: Path, target: Path, purpose: UploadPurpose, announced: str) -> Picture:
    """Draw a picture into another file: upright, within bounds, without metadata, its first frame alone; raise Invalid."""
    try:
        with Image.open(source, formats=[*_FORMATS.values()]) as image:
            _check(image, announced)
            drawn = _bounded(image, purpose)
            drawn.info = {}  # from which the encoder would take XMP and more
            drawn.save(target, "WEBP", quality=QUALITY, method=4)
            return Picture(drawn.width, drawn.height)
    except UnidentifiedImageError:
        raise Invalid("This is no JPEG, PNG, WebP or GIF file.") from None
    except _BOMBS:
        raise Invalid(LARGE) from None
    except _BROKEN as error:
        raise Invalid(BAD) from error


def _check(image: Image.Image, announced: str) -> None:
    found = _TYPES[str(image.format)]
    if found != announced:
        raise Invalid(f"This is an {found} file, announced as {announced}.")
    # Before a pixel is decoded: a few kilobytes can unfold to gigabytes.
    most = JPEG_PIXELS_MOST if found == "image/jpeg" else PIXELS_MOST
    if image.width * image.height > most or max(image.size) > SIDE_MOST:
        raise Invalid(LARGE)


def _bounded(image: Image.Image, purpose: UploadPurpose) -> Image.Image:
    """Scale first, and do the rest with what is small by then: each copy of a large picture is a hundred megabytes."""
    side = AVATAR_SIDE if purpose is UploadPurpose.AVATAR else POST_SIDE
    image.draft(None, (side, side))
    image.load()
    turn, profile = _TURNS.get(image.getexif().get(_ORIENTATION, 1)), image.info.get("icc_profile")
    small = image if image.mode in _SMOOTH else image.convert("RGBA" if image.has_transparency_data else "RGB")
    if purpose is UploadPurpose.AVATAR:
        small = _square(small, side)
    else:
        small.thumbnail((side, side), Image.Resampling.LANCZOS)
    upright = small if turn is None else small.transpose(turn)
    return _in_srgb(upright, profile).convert("RGBA" if upright.has_transparency_data else "RGB")


def _square(image: Image.Image, side: int) -> Image.Image:
    edge = min(image.size)
    left, top = (image.width - edge) / 2, (image.height - edge) / 2
    size = min(edge, side)
    return image.resize(
        (size, size), Image.Resampling.LANCZOS, box=(left, top, left + edge, top + edge), reducing_gap=3.0
    )


def _in_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    if not profile or image.mode not in {"RGB", "RGBA"}:
        return image
    try:
        theirs = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        moved = ImageCms.profileToProfile(image, theirs, ImageCms.createProfile("sRGB"))
    except (ImageCms.PyCMSError, OSError, ValueError):
        return image  # a profile that cannot be read says nothing about the colours
    return moved or image
