"""PDFs: every word can be taken out again; what no font prints is refused before there is a link."""

import asyncio
import io
import subprocess
import unicodedata
from pathlib import Path

import pytest
from fpdf.fonts import TTFFont

from core.ids import read_global_id
from runtime.container import Container
from services.exports import fonts
from services.exports.fonts import Unprintable, fonts_for, printable
from services.exports.json import JsonWriter
from services.exports.pdf import Document, render
from services.exports.writers import Switches
from tests.services.exports.samples import sample
from tests.support.api import Reader
from tests.support.exports import fetch, link, taken
from tests.support.rows import nothing_written, sql

TEXTS = [
    "The tide keeps no diary.",
    "First line.\nSecond line.\r\n\r\nAfter a blank one.",
    "Zwölf Boxkämpfer jagen Viktor über den großen Sylter Deich — «à peine» … “quoted”",
    "Ο φάρος δεν ρωτά. Маяк не спрашивает. Մայակը չի հարցնում.",  # noqa: RUF001
    "שלום עולם",
    "قال الملاح السلام عليكم",
    "e\u0301te\u0301 nai\u0308f, s\u0323o",
    "soft\u00adhyphen zero\u200bwidth \ufefftab\there no\u00a0break",
    "a\x07bell and \x1b[31m",
    "<b>not bold</b> & **neither** =1+1",
    "office fluff ﬁ",
]


def text_of(pdf: bytes) -> str:
    """Take the words out of a PDF, without the marks of direction that the tool adds."""
    run = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True)  # noqa: S607
    return "".join(char for char in run.stdout.decode() if char not in "\u202a\u202b\u202c")


def words(text: str) -> list[str]:
    """Compare words, however lines were broken; a PDF knows no difference between spellings of one letter."""
    return sorted(unicodedata.normalize("NFKC", text).split())


def rendered(*texts: str, note: str | None = None) -> Document:
    """Print texts."""
    writer = JsonWriter(Switches())
    rows = [sample(text=text, note=note) for text in texts]
    return render(io.BytesIO(writer.begin() + writer.slice(rows) + writer.end()))


@pytest.mark.parametrize("text", TEXTS)
def test_the_text_comes_out_again_and_no_glyph_is_missing(text: str) -> None:
    document = rendered(text)
    found = words(text_of(bytes(document.output())))
    for word in words(printable(text)):
        assert word in found, found
    for font in document.fonts.values():
        assert isinstance(font, TTFFont)
        assert not font.missing_glyphs
        used = [glyph for glyph, _ in font.subset.items() if glyph is not None and glyph.unicode != (0,)]
        assert used
        assert not [glyph for glyph in used if glyph.glyph_id == 0 or glyph.glyph_name == ".notdef"]


def test_every_highlight_with_its_note_and_date_is_there() -> None:
    found = text_of(bytes(rendered("One.", "Two.", note="mine").output()))
    assert found.count("Note: mine") == 2
    assert found.index("Harbour Songs") < found.index("by Ida Marsh") < found.index("One.") < found.index("Two.")
    assert found.count("2026-03-01 09:30 UTC") == 2


def test_many_pages_are_numbered() -> None:
    document = rendered(*(f"Passage {number}. " + "All of the tide. " * 20 for number in range(30)))
    assert document.pages_count > 2
    assert f"\n{document.pages_count}\n" in text_of(bytes(document.output()))


def test_what_no_font_prints_is_named_with_what_to_do() -> None:
    with pytest.raises(Unprintable) as refused:
        fonts_for(map(ord, "灯台\ue000船a"))
    said = str(refused.value)
    assert "台 (U+53F0 CJK UNIFIED IDEOGRAPH-53F0), 灯 (U+706F CJK UNIFIED IDEOGRAPH-706F)" in said
    assert "and 1 more character." in said
    assert "install a TrueType font" in said


def test_without_any_font_everything_is_unprintable(tmp_path: Path) -> None:
    (tmp_path / "broken.ttf").write_bytes(b"no font at all")
    with pytest.raises(Unprintable):
        fonts_for(map(ord, "abc"), [tmp_path])


def test_a_second_font_prints_what_the_first_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = Path("/one.ttf"), Path("/two.ttf")
    has = {first: frozenset(map(ord, "abc")), second: frozenset(map(ord, "cdé"))}
    monkeypatch.setattr(fonts, "installed", lambda _: [first, Path("/none.ttf"), second])
    monkeypatch.setattr(fonts, "coverage", lambda path: has.get(path, frozenset()))
    assert fonts_for(map(ord, "abcd")) == [first, second]
    assert fonts_for(map(ord, "ab")) == [first]


async def marked(reader: Reader, text: str, note: str | None = None) -> str:
    """Mark a passage; its book."""
    book = {"named": {"title": "Harbour Songs", "authors": ["Ida Marsh"]}}
    passage = {"text": text, "anchor": {}}
    made = await reader.mutate("createHighlight", "highlight { id book { id } }", book=book, passage=passage, note=note)
    return str(made["highlight"]["book"]["id"])


async def test_a_pdf_is_fetched_like_any_other_file(ada: Reader) -> None:
    book = await marked(ada, "The tide keeps no diary.", "a note")
    file = await taken(ada, "PDF", bookId=book)
    assert file.headers["Content-Type"] == "application/pdf"
    assert 'filename="Harbour Songs.pdf"' in file.headers["Content-Disposition"]
    assert file.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert "The tide keeps no diary." in text_of(file.body)


async def test_the_switches_are_kept_in_a_pdf_too(ada: Reader) -> None:
    await marked(ada, "The tide keeps no diary.", "a secret note")
    await ada.mutate("updatePrivacy", "__typename", exportIncludesNotes=False, exportIncludesTimestamps=False)
    found = text_of((await taken(ada, "PDF")).body)
    assert "diary" in found
    assert "secret" not in found
    assert "UTC" not in found


async def test_an_export_without_highlights_is_an_empty_pdf(ada: Reader) -> None:
    assert "My Highlights" in text_of((await taken(ada, "PDF")).body)


async def test_a_script_without_a_font_is_refused_before_there_is_a_link(container: Container, ada: Reader) -> None:
    await marked(ada, "灯台は誰が海にいるかを問わない。")
    async with nothing_written(container):
        payload = await ada.mutate("exportHighlights", "url", format="PDF")
    [error] = payload["userErrors"]
    assert (payload["url"], error["code"], error["field"]) == (None, "INVALID", ["input", "format"])
    assert error["message"].startswith("No font on this server can print ")


async def test_a_note_that_is_not_exported_needs_no_font(ada: Reader) -> None:
    await marked(ada, "The lamp does not ask.", "灯台")
    await ada.mutate("updatePrivacy", "__typename", exportIncludesNotes=False)
    assert "The lamp does not ask." in text_of((await taken(ada, "PDF")).body)


async def test_what_came_since_and_has_no_font_is_told_at_the_download(ada: Reader) -> None:
    path = await link(ada, "PDF")
    await marked(ada, "灯台")
    refused = await fetch(ada, path)
    assert refused.status == 409
    assert "No font on this server can print" in refused.text


async def test_what_takes_too_long_to_print_is_refused(
    container: Container, ada: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fonts, "MOST", 50)
    await marked(ada, "x" * 51)
    async with nothing_written(container):
        payload = await ada.mutate("exportHighlights", "url", format="PDF")
    assert payload["userErrors"][0]["code"] == "LIMIT_EXCEEDED"


def printing() -> list[bytes]:
    """Name the processes below this one that print."""
    children = [pid for file in Path("/proc/self/task").glob("*/children") for pid in file.read_text().split()]
    named = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in children if Path(f"/proc/{pid}").exists()]
    return [command for command in named if b"services.exports.pdf" in command]


async def test_printing_holds_no_connection_and_leaves_no_process(container: Container, ada: Reader) -> None:
    await marked(ada, "The tide. " * 1_000)
    path = await link(ada, "PDF")
    fetching = [asyncio.create_task(fetch(ada, path)) for _ in range(2)]
    results = await asyncio.gather(*fetching)
    assert [result.status for result in results] == [200, 200]
    assert container.database.engine.pool.checkedout() == 0  # type: ignore[attr-defined]
    assert not printing()
    assert await sql(container, "SELECT 1 FROM users WHERE id = :id", id=read_global_id(ada.id)[1])
