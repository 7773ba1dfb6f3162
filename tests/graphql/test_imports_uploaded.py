"""Files come as uploads, too: of any encoding, large ones read in a process of their own."""

from typing import Any

import pytest

from runtime.container import Container
from services.imports import apart, sources
from services.media_rules import ZIP
from tests.services.imports.clippings_text import GOLDEN
from tests.services.imports.formats_text import FOLDER
from tests.services.imports.test_archives import SET, packed
from tests.support.api import Reader
from tests.support.imports import OLD, counts, highlights, import_file, run_jobs, start
from tests.support.rows import sql
from tests.support.uploads import upload

GERMAN = (GOLDEN / "languages" / "de_c_2022.txt").read_bytes().decode()
JSON = (FOLDER / "JSON-two-books.json").read_bytes()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
async def test_an_uploaded_file_goes_in_and_is_let_go(ada: Reader, container: Container, encoding: str) -> None:
    media = await upload(ada, GERMAN.encode(encoding))
    found = await import_file(ada, container, None, mediaId=media)
    assert counts(found) == (2, 0, 0, 2)
    assert {h["book"]["title"] for h in await highlights(ada)} == {"Die Uhr im Moor"}
    assert await sql(container, "SELECT id FROM media") == []
    assert await sql(container, "SELECT id FROM imports WHERE media_id IS NOT NULL OR content IS NOT NULL") == []


async def test_a_zip_of_annotations_goes_in(ada: Reader, container: Container) -> None:
    media = await upload(ada, packed({"annotations.json": SET}), ZIP)
    assert counts(await import_file(ada, container, None, format="W3C_ANNOTATIONS", mediaId=media)) == (2, 0, 0, 2)


async def test_a_large_file_is_read_apart_and_goes_in_like_a_small_one(
    ada: Reader, ben: Reader, container: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = await import_file(ada, container, JSON.decode(), format="JSON", dryRun=True)
    monkeypatch.setattr(sources, "SMALL", 100)
    monkeypatch.setattr(apart, "CHUNK", 2)
    large = await import_file(ben, container, None, format="JSON", mediaId=await upload(ben, JSON))
    assert counts(large) == counts(small)
    assert large["problems"] == small["problems"] != []
    assert len(await highlights(ben)) == 3


@pytest.mark.parametrize(
    ("data", "kind", "error"),
    [
        (b"no JSON at all, but long enough to be read apart" * 9, "JSON", "This is not a JSON file of highlights"),
        (b"{" * 5_000, "KOREADER", "This is not a JSON export of KOReader"),
        (b"\x01\x02\x03\x04" * 500, "MY_CLIPPINGS", "This is not a text file."),
    ],
)
async def test_what_is_no_file_of_the_kind_fails_with_its_sentence_also_apart(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch, data: bytes, kind: str, error: str
) -> None:
    monkeypatch.setattr(sources, "SMALL", 100)
    found = await import_file(ada, container, None, format=kind, mediaId=await upload(ada, data))
    assert found["state"] == "FAILED"
    assert found["error"].startswith(error)
    assert await sql(container, "SELECT id FROM media") == []


@pytest.mark.parametrize(("limit", "value"), [("MEMORY", 1 << 20), ("LONGEST", 0.01)])
async def test_a_file_that_takes_too_much_to_read_is_refused(
    ada: Reader, container: Container, monkeypatch: pytest.MonkeyPatch, limit: str, value: float
) -> None:
    monkeypatch.setattr(apart, limit, value)
    found = await import_file(ada, container, None, mediaId=await upload(ada, OLD.encode() * 10_000))
    assert (found["state"], found["error"]) == ("FAILED", apart.TOO_LARGE)
    assert await highlights(ada) == []


async def test_a_file_that_is_gone_before_its_import_fails_with_a_sentence(ada: Reader, container: Container) -> None:
    media = await upload(ada, OLD.encode())
    key = await start(ada, None, mediaId=media)
    await sql(container, "DELETE FROM media")
    await run_jobs(container)
    node = (await ada.run("query($id: ID!) { node(id: $id) { ... on Import { state error } } }", id=key))["node"]
    assert node == {"state": "FAILED", "error": sources.GONE}


@pytest.mark.parametrize(
    ("more", "field", "code"),
    [
        ({"content": OLD}, "mediaId", "INVALID"),
        ({"mediaId": "TWVkaWE6MDE5"}, "mediaId", "INVALID"),
        ({"mediaId": None}, "content", "INVALID"),
        ({"timeZone": "Mars/Olympus"}, "timeZone", "INVALID"),
    ],
)
async def test_exactly_one_source_is_taken(
    ada: Reader, container: Container, more: dict[str, Any], field: str, code: str
) -> None:
    told = {"format": "MY_CLIPPINGS", "mediaId": await upload(ada, OLD.encode())} | more
    payload = await ada.mutate("importHighlights", "import { id }", **told)
    assert payload["import"] is None
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", field], code)]
    assert await sql(container, "SELECT id FROM imports") == []
    assert await sql(container, "SELECT id FROM media WHERE attached_at IS NOT NULL") == []


async def test_an_upload_is_used_once_and_by_its_owner(ada: Reader, ben: Reader) -> None:
    media = await upload(ada, OLD.encode())
    theirs = await ben.mutate("importHighlights", "import { id }", format="MY_CLIPPINGS", mediaId=media)
    assert [e["code"] for e in theirs["userErrors"]] == ["NOT_FOUND"]
    first = await ada.mutate(
        "importHighlights", "import { id }", format="MY_CLIPPINGS", mediaId=media, clientMutationId="k"
    )
    again = await ada.mutate(
        "importHighlights", "import { id }", format="MY_CLIPPINGS", mediaId=media, clientMutationId="k"
    )
    assert again == first
    other = await ada.mutate("importHighlights", "import { id }", format="MY_CLIPPINGS", mediaId=media)
    assert [(e["field"], e["code"]) for e in other["userErrors"]] == [(["input", "mediaId"], "INVALID")]
