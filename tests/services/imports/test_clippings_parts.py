"""Title lines, lines of details and dates, one part at a time."""

from datetime import UTC, datetime

import pytest

from services.imports.clippings_dates import load_zone, parse_local, to_utc
from services.imports.clippings_grammar import Kind
from services.imports.clippings_keys import normal_text, normal_title
from services.imports.clippings_labels import Place, read_details
from services.imports.clippings_titles import split_title


@pytest.mark.parametrize(
    ("line", "title", "authors"),
    [
        ("The Ferry (Nora Wynn)", "The Ferry", ("Nora Wynn",)),
        ("The Ferry (Night Boats 2) (Wynn, Nora)", "The Ferry (Night Boats 2)", ("Wynn, Nora",)),
        ("The Ferry  (Nora Wynn (Nora Winifred))", "The Ferry", ("Nora Wynn (Nora Winifred)",)),
        ("The Ferry (of Glass)  ", "The Ferry (of Glass)", ()),
        ("The Ferry", "The Ferry", ()),
        ("(Untitled Poems)", "(Untitled Poems)", ()),
        ("f(x)", "f(x)", ()),
        ("The Ferry (Wynn, Nora;Okoro, Sam\uff1bBea Lo)", "The Ferry", ("Wynn, Nora", "Okoro, Sam", "Bea Lo")),
        ("The Ferry (Nora Wynn & Sam Okoro and Bea Lo)", "The Ferry", ("Nora Wynn", "Sam Okoro", "Bea Lo")),
        ("The Ferry (Rolande Brandt)", "The Ferry", ("Rolande Brandt",)),
        ("The Ferry (Unknown)", "The Ferry", ()),
        ("The Ferry ( )", "The Ferry", ()),
        ("A Letter (someone@mail.example)", "A Letter", ()),
        ("An Article (news.example)", "An Article", ("news.example",)),
        ("D:\\books\\ferry_(draft (Nora Wynn)", "D:\\books\\ferry_(draft", ("Nora Wynn",)),
        ("The\u3000Ferry\nof Glass (Nora Wynn)", "The Ferry of Glass", ("Nora Wynn",)),
    ],
)
def test_title_lines(line: str, title: str, authors: tuple[str, ...]) -> None:
    assert split_title(line) == (title, authors)


@pytest.mark.parametrize(
    ("label", "kind", "place"),
    [
        ("- Highlight Loc. 602-3  ", Kind.HIGHLIGHT, Place(602, 603, None, span=True)),
        ("- Highlight Loc. 15308-9 ", Kind.HIGHLIGHT, Place(15308, 15309, None, span=True)),
        ("- Your Highlight on Location 12-8 ", Kind.HIGHLIGHT, Place(8, 12, None, span=True)),
        ("- Your Highlight on Location 102-98 ", Kind.HIGHLIGHT, Place(98, 102, None, span=True)),
        ("- Your Highlight on Location 0 ", Kind.HIGHLIGHT, Place(0, 0)),
        ("\u2013 Your highlight at location 620 \u2013 622 ", Kind.HIGHLIGHT, Place(620, 622, None, span=True)),
        ("- Your Note on page A-12 ", Kind.NOTE, Place(page="A-12", span=True)),
        ("- Your Highlight on page xiv-xiv ", Kind.HIGHLIGHT, Place(page="xiv", span=True)),
        ("- Your Highlight on Location na p\u00e1gina 17 | posi\u00e7\u00e3o 251-252 ", Kind.HIGHLIGHT,
         Place(251, 252, "17", span=True)),
        ("- 6page|location No. 85-87 ", Kind.UNKNOWN, Place(85, 87, "6", span=True)),
        ("- Your highlight on page Inner cover ", Kind.HIGHLIGHT, Place(page="Inner cover")),
        ("- Your Highlight on page 28, at Location 257 ", Kind.HIGHLIGHT, Place(257, 257, "28")),
        ("- Your Asterisk on page 4 | Location 60-61 ", Kind.UNKNOWN, Place(60, 61, "4", span=True)),
        ("- Clip This Article at location 40 ", Kind.CLIP, Place(40, 40)),
        ("- Twoje zaznaczenie w miejscu 1199-1203 ", Kind.FOREIGN, Place()),
        ("- Poznámka na strane 3 | miesto 12 ", Kind.FOREIGN, Place()),
    ],
)  # fmt: skip
def test_labels(label: str, kind: Kind, place: Place) -> None:
    details = read_details(f"{label}| am 23. 9. 2019 08:08:27", alone=True)
    assert details is not None
    assert (details.kind, details.place) == (kind, place)


@pytest.mark.parametrize(
    "line",
    ["", "-", "A passage about page 3", "- Note that page 3 is blank", "- a list | of words", "-" + "x|" * 9999],
)
def test_other_lines(line: str) -> None:
    assert read_details(line, alone=False) is None


def test_details_without_a_date() -> None:
    for line in ("- Your Highlight on page 3 | Location 12-13", "- Your Highlight on page 3 | Location 12-13 | soon"):
        details = read_details(line, alone=True)
        assert details is not None
        assert (details.place, details.local) == (Place(12, 13, "3", span=True), None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Added on Friday, March 16, 2012, 06:20 PM", "2012-03-16 18:20:00"),
        ("Added on Monday, January 7, 2013 12:02:37 PM", "2013-01-07 12:02:37"),
        ("Added on Monday, January 7, 2013 12:02:37 a. m.", "2013-01-07 00:02:37"),
        ("Added on Tuesday, 7 July, 2026 9:00:01\u202fPM", "2026-07-07 21:00:01"),
        ("Added on Friday, 6 April 12 12:15:50 GMT+01:00", "2012-04-06 12:15:50"),
        ("Added on Friday, 6 April 12 12:15:50 am Meridian", "2012-04-06 00:15:50"),
        ("Hinzugef\u00fcgt am Friday, 6 April 2012 7.46 Uhr GMT+07:29", "2012-04-06 07:46:00"),
        ("2016\u5e742\u670826\u65e5 11:49:27", "2016-02-26 11:49:27"),
        ("2012 6 April 10h55min07s", "2012-04-06 10:55:07"),
        ("Added on Friday, 31 April 2012 12:15:50", None),
        ("Added on Friday, 6 April 2012 25:15:50", None),
        ("Added on Friday, 6 April 2012", None),
        ("Added on Friday, 6 April 0001 10:00:00", None),
        ("Added on 6/4/2012 10:00:00", None),
        ("", None),
    ],
)
def test_dates(text: str, expected: str | None) -> None:
    assert parse_local(text) == (datetime.fromisoformat(expected) if expected else None)


@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        ("UTC", "2022-07-01 11:28:00", "2022-07-01 11:28:00"),
        ("Europe/Berlin", "2022-07-01 11:28:00", "2022-07-01 09:28:00"),
        ("Europe/Berlin", "2022-03-27 02:30:00", "2022-03-27 01:30:00"),
        ("Europe/Berlin", "2022-10-30 02:30:00", "2022-10-30 00:30:00"),
        ("America/New_York", "2022-01-01 20:00:00", "2022-01-02 01:00:00"),
    ],
)
def test_local_times(zone: str, local: str, utc: str) -> None:
    assert to_utc(datetime.fromisoformat(local), load_zone(zone)) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "/etc/passwd", "../UTC", "Europe", "a\x00b", "\ud800", "x" * 999])
def test_unknown_time_zones(name: str) -> None:
    with pytest.raises(ValueError, match="no time zone named"):
        load_zone(name)


def test_normal_forms() -> None:
    assert normal_title(" The  GLASS\u00a0Ferry ") == "the glass ferry"
    assert normal_text("re\u00adturn\n to\u200b  port ") == "return to port"
