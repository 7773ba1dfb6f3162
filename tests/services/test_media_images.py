"""Pictures are drawn anew: upright, bounded, without metadata; whatever is sent, it is a picture or a refusal."""

import contextlib
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageCms, ImageOps, ImageStat

from core.errors import Invalid
from models.media import UploadPurpose
from services.media_images import redrawn
from tests.support.uploads import picture

GPS, ORIENTATION, GPS_IFD = "48.2082", 0x0112, 0x8825


def draw(tmp_path: Path, data: bytes, kind: str, purpose: UploadPurpose = UploadPurpose.POST_IMAGE) -> bytes:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(data)
    picture = redrawn(source, target, purpose, kind)
    with Image.open(target) as drawn:
        assert (drawn.format, drawn.size) == ("WEBP", (picture.width, picture.height))
    return target.read_bytes()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def photograph(orientation: int) -> bytes:
    """Make a JPEG, red on its left, as a phone writes it: with where it was taken, and how it was held."""
    image = Image.new("RGB", (80, 40), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 40, 40))
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    exif[0x010E] = "taken at the secret harbour"
    exif.get_ifd(GPS_IFD).update({1: "N", 2: (48.0, 12.0, 29.5), 3: "E", 4: (16.0, 22.0, 0.0)})
    made = io.BytesIO()
    image.save(made, "JPEG", exif=exif, comment=b"secret comment", quality=95)
    return made.getvalue()


def test_a_photograph_stands_upright_and_tells_nothing_of_where_it_was_taken(tmp_path: Path) -> None:
    data = photograph(6)  # held upright: what is left in the file is on top
    assert b"secret harbour" in data
    drawn = draw(tmp_path, data, "image/jpeg")
    image = Image.open(io.BytesIO(drawn))
    assert image.size == (40, 80)
    assert not image.getexif()
    assert not set(image.info) & {"exif", "xmp", "icc_profile", "comment"}
    assert b"secret" not in drawn
    assert b"Exif" not in drawn
    top, bottom = opened(drawn).getpixel((20, 10)), opened(drawn).getpixel((20, 70))
    assert isinstance(top, tuple)
    assert isinstance(bottom, tuple)
    assert (top[0] > 200, bottom[2] > 200) == (True, True)


@pytest.mark.parametrize("purpose", [UploadPurpose.AVATAR, UploadPurpose.POST_IMAGE])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_way_to_hold_a_camera_is_undone(tmp_path: Path, orientation: int, purpose: UploadPurpose) -> None:
    # A way for Pillow to undo, and ours: the same picture.
    data = photograph(orientation)
    wanted = ImageOps.exif_transpose(Image.open(io.BytesIO(data)).convert("RGB"))
    if purpose is UploadPurpose.AVATAR:
        wanted = ImageOps.fit(wanted, (40, 40))
    drawn = opened(draw(tmp_path, data, "image/jpeg", purpose))
    assert drawn.size == wanted.size
    assert max(ImageStat.Stat(ImageChops.difference(drawn, wanted)).mean) < 12


def test_xmp_and_text_chunks_go_too(tmp_path: Path) -> None:
    for kind, name in (("image/webp", "WEBP"), ("image/jpeg", "JPEG")):
        data = picture(name, xmp=b"<x:xmpmeta>secret</x:xmpmeta>")
        assert b"secret" in data
        assert b"secret" not in draw(tmp_path, data, kind)


def test_what_hangs_behind_a_picture_is_not_kept(tmp_path: Path) -> None:
    for kind, name in (("image/png", "PNG"), ("image/gif", "GIF"), ("image/jpeg", "JPEG")):
        drawn = draw(tmp_path, picture(name) + b"<script>alert(1)</script>PK\x03\x04", kind)
        assert b"script" not in drawn
        assert b"PK\x03\x04" not in drawn


def test_pictures_are_bounded_and_never_enlarged(tmp_path: Path) -> None:
    sizes = {
        UploadPurpose.AVATAR: {(3000, 1000): (512, 512), (60, 40): (40, 40), (1, 1): (1, 1)},
        UploadPurpose.POST_IMAGE: {(5000, 2500): (2048, 1024), (60, 40): (60, 40), (20_000, 1): (2048, 1)},
    }
    for purpose, wanted in sizes.items():
        for size, drawn in wanted.items():
            for kind, name in (("image/png", "PNG"), ("image/jpeg", "JPEG")):
                assert opened(draw(tmp_path, picture(name, size), kind, purpose)).size == drawn


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "PA", "RGB", "RGBA", "I;16", "CMYK"])
def test_pictures_of_every_mode_are_drawn(tmp_path: Path, mode: str) -> None:
    name, kind = ("JPEG", "image/jpeg") if mode == "CMYK" else ("PNG", "image/png")
    image = Image.new(mode, (30, 20), 1 if mode == "1" else 0)
    if mode == "PA":
        image = image.convert("RGBA").convert("P")
    made = io.BytesIO()
    image.save(made, name)
    assert opened(draw(tmp_path, made.getvalue(), kind)).size == (30, 20)


def test_what_is_transparent_stays_so(tmp_path: Path) -> None:
    made = io.BytesIO()
    Image.new("RGBA", (30, 20), (200, 10, 10, 0)).save(made, "PNG")
    assert Image.open(io.BytesIO(draw(tmp_path, made.getvalue(), "image/png"))).getpixel((3, 3))[3] == 0  # type: ignore[index]


def test_of_an_animation_the_first_frame_is_kept(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255))]
    for kind, name in (("image/gif", "GIF"), ("image/webp", "WEBP"), ("image/png", "PNG")):
        made = io.BytesIO()
        frames[0].save(made, name, save_all=True, append_images=frames[1:], duration=100)
        drawn = Image.open(io.BytesIO(draw(tmp_path, made.getvalue(), kind)))
        assert getattr(drawn, "n_frames", 1) == 1
        pixel = drawn.convert("RGB").getpixel((3, 3))
        assert isinstance(pixel, tuple)
        assert (pixel[0] > 200, pixel[2] < 60) == (True, True)


def test_a_profile_of_colours_is_applied_or_left_out(tmp_path: Path) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (srgb, b"no profile at all", srgb[:100]):
        drawn = Image.open(io.BytesIO(draw(tmp_path, picture("JPEG", icc_profile=profile), "image/jpeg")))
        assert "icc_profile" not in drawn.info


GOOD = {
    kind: picture(name, (16, 12))
    for kind, name in (("image/png", "PNG"), ("image/jpeg", "JPEG"), ("image/webp", "WEBP"), ("image/gif", "GIF"))
}


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(sorted(GOOD)),
    cut=st.integers(0, 2_000),
    edits=st.lists(st.tuples(st.integers(0, 1_999), st.integers(0, 255)), max_size=12),
)
def test_a_mangled_picture_is_drawn_or_refused(
    tmp_path: Path, kind: str, cut: int, edits: list[tuple[int, int]]
) -> None:
    data = bytearray(GOOD[kind])
    for place, value in edits:
        data[place % len(data)] = value
    # Anything but a refusal goes up, and fails.
    with contextlib.suppress(Invalid):
        draw(tmp_path, bytes(data[: cut or None]), kind)
