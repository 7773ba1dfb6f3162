"""Files of every format, cut, repeated, mixed up and overwritten: never a crash, never an entry lost without a reason."""

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.imports import ImportFormat
from tests.services.imports.clippings_text import GOLDEN
from tests.services.imports.formats_text import FILES, kind_of, read_file

SEEDS = [*FILES, *sorted(GOLDEN.glob("*.txt")), *sorted((GOLDEN / "languages").glob("*.txt"))]
NASTY: list[Any] = [
    None, True, -1, 0, 1e308, 10**400, 0.5, "", "\x00", "\ud800", "x" * 13_000, "9" * 60, [], {}, [[]], {"value": {}}, "1970-01-01",
    "2026-01-01T00:00:00Z", "9999-12-31T23:59:59-23:59", "01960000-0000-7000-8000-000000000002", "\ufeff", "=1+1", "\u2028",
]  # fmt: skip


def _kind(path: Path) -> ImportFormat:
    return ImportFormat.MY_CLIPPINGS if path.suffix == ".txt" else kind_of(path)


def _read(path: Path, data: bytes) -> None:
    try:
        parsed = read_file(_kind(path), data)
    except ValueError as error:
        refusal = str(error)
    else:
        assert parsed.records > 0 or not parsed.problems
        return
    assert refusal[0].isupper(), "a sentence for the reader, not a fault's own words"
    assert refusal.endswith(".")


@settings(max_examples=300, deadline=None)
@given(path=st.sampled_from(SEEDS), seed=st.randoms(use_true_random=False), data=st.data())
def test_mangled_bytes_never_crash(path: Path, seed: random.Random, data: st.DataObject) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at, until = sorted(seed.randrange(len(content) + 1) for _ in range(2))
        piece = bytes(content[at : min(until, at + 300)])
        match data.draw(st.sampled_from(["cut", "repeat", "move", "overwrite", "insert", "end"])):
            case "cut":
                del content[at : at + len(piece)]
            case "repeat":
                content[at:at] = piece
            case "move":
                del content[at : at + len(piece)]
                content[len(content) // 2 : len(content) // 2] = piece
            case "overwrite":
                content[at : at + 3] = data.draw(st.binary(min_size=1, max_size=3))
            case "insert":
                content[at:at] = data.draw(
                    st.sampled_from([b'"', b"{", b"]", b",", b"\r\n", b"\\ud800", b"\xef\xbb\xbf", b"1e999"])
                )
            case _:
                del content[at:]
    _read(path, bytes(content))


def _spots(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, dict):
        return [spot for name in value for spot in ((value, name), *_spots(value[name]))]
    if isinstance(value, list):
        return [spot for place in range(len(value)) for spot in ((value, place), *_spots(value[place]))]
    return []


@settings(max_examples=300, deadline=None)
@given(
    path=st.sampled_from([path for path in FILES if path.suffix == ".json"]),
    seed=st.randoms(use_true_random=False),
    data=st.data(),
)
def test_well_formed_records_of_wrong_values_never_crash(path: Path, seed: random.Random, data: st.DataObject) -> None:
    content = json.loads(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 5))):
        holder, name = seed.choice(_spots(content))
        # A copy: what one example writes into a list must not be in the next one's.
        holder[name] = copy.deepcopy(data.draw(st.sampled_from(NASTY)))
    _read(path, json.dumps(content, ensure_ascii=data.draw(st.booleans())).encode(errors="surrogatepass"))


@settings(max_examples=60, deadline=None)
@given(path=st.sampled_from(FILES), order=st.randoms(use_true_random=False), data=st.data())
def test_lines_in_another_order_are_all_accounted_for(path: Path, order: random.Random, data: st.DataObject) -> None:
    lines = path.read_bytes().split(b"\n")
    body = lines[1:-1] * data.draw(st.integers(1, 3))
    order.shuffle(body)
    _read(path, b"\n".join([lines[0], *body, lines[-1]]))


@pytest.mark.parametrize("kind", list(ImportFormat))
@pytest.mark.parametrize(
    "data",
    [
        b"", b" ", b"\x00" * 100, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, b"[" * 200_000, b'{"a":' * 200_000, b"PK\x03\x04",
        b"PK\x03\x04" + b"\x00" * 50, b"\xff\xfe", b"\xff\xfe\x00", b"\xfe\xff\xd8\x00", b"null", b"{}", b"[]", b'{"items":{}}', b'"' * 999,
        b'{"entries":[', b"\x81\x8d\x8f", bytes(range(1, 32)) * 10, b'{"format":"commonplace-highlights","version":2,"books":[]}',
    ],
    ids=range(20),
)  # fmt: skip
def test_what_is_no_file_of_the_kind_is_refused_with_a_sentence(kind: ImportFormat, data: bytes) -> None:
    if data == b'{"entries":[' and kind is ImportFormat.KOREADER:
        assert [problem.message for problem in read_file(kind, data).problems] == [
            "from here on the file was not read: the file ends in the middle"
        ]
        return
    with pytest.raises(ValueError, match=r"^(This|The) .*\.$"):
        read_file(kind, data)


DEEP = {
    ImportFormat.KOREADER: '{"title":"T","entries":[{"text":"Kept.","page":1},{"text":%s}]}',
    ImportFormat.W3C_ANNOTATIONS: '{"about":{"dc:title":"T"},"items":['
    '{"target":{"selector":{"type":"TextQuoteSelector","exact":"Kept."}}},%s]}',
    ImportFormat.JSON: '{"format":"commonplace-highlights","version":1,"books":['
    '{"title":"T","authors":[],"highlights":[{"text":"Kept."},%s]}]}',
}


@pytest.mark.parametrize("kind", DEEP)
@pytest.mark.parametrize("nest", ["[" * 150_000 + "]" * 150_000, '{"a":' * 150_000 + "1" + "}" * 150_000])
def test_what_stands_before_a_bottomless_value_goes_in(kind: ImportFormat, nest: str) -> None:
    parsed = read_file(kind, (DEEP[kind] % nest).encode())
    assert [entry.text for entry in parsed.entries] == ["Kept."]
    assert [problem.message for problem in parsed.problems] == [
        "from here on the file was not read: it is nested too deeply"
    ]


def test_a_million_lines_are_read_in_linear_time() -> None:
    row = '"A line of the sea, once more.",T,A,,,,,order,1,,\n'
    parsed = read_file(
        ImportFormat.READWISE_CSV, ("Highlight,Title,Author\n" + row * 1_000 + "\n" * 1_000_000 + row).encode()
    )
    assert (parsed.records, len(parsed.entries), parsed.collapsed) == (1_001, 1, 1_000)


def test_a_quotation_mark_that_is_never_closed_is_a_problem_and_swallows_no_rows_silently() -> None:
    content = 'Highlight,Title\nKept.,T\n"never closed,T\nAnother.,T\n'
    parsed = read_file(ImportFormat.READWISE_CSV, content.encode())
    assert [entry.text for entry in parsed.entries] == ["Kept."]
    assert [(problem.line, problem.message.partition(",")[0]) for problem in parsed.problems] == [
        (3, "the quotation marks from here on do not pair up")
    ]
