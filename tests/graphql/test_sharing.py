"""Sharing: words and a link for elsewhere, by the owner only; the page behind the link tells each visitor what they may see."""

import re
from typing import Any
from uuid import uuid4

import pytest
from aiohttp.test_utils import TestClient

from core.ids import read_global_id
from core.settings import Settings
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql

BOOK = {"named": {"title": 'Harbour <b>Songs</b> & "Tides"', "authors": ["Ida Marsh", "Ib Lund"]}}
WORDS = 'The tide keeps no <script>alert("diary")</script>.'


async def marked(reader: Reader, *, visibility: str = "PUBLIC", book: Any = BOOK, text: str = WORDS) -> str:
    """Mark a passage; its id."""
    passage = {"text": text, "anchor": {}}
    payload = await reader.mutate(
        "createHighlight", "highlight { id }", book=book, passage=passage, visibility=visibility, note="a secret note"
    )
    return str(payload["highlight"]["id"])


def path_of(gid: str) -> str:
    """Spell the path of a highlight's page."""
    return f"/highlights/{read_global_id(gid)[1]}"


async def visit(reader: Reader, path: str) -> tuple[int, str, dict[str, str]]:
    """Follow a link."""
    async with reader.http.get(path, headers=reader.headers) as response:
        return response.status, await response.text(), dict(response.headers)


async def test_the_words_come_with_author_and_title(ada: Reader) -> None:
    gid = await marked(ada)
    payload = await ada.mutate("shareHighlight", "text url", id=gid, platform="mastodon")
    assert payload["text"] == f'"{WORDS}"\n\n— Ida Marsh, Ib Lund, Harbour <b>Songs</b> & "Tides"'
    assert payload["url"] == f"http://{ada.http.host}:{ada.http.port}{path_of(gid)}"


async def test_without_an_author_it_is_the_title_alone(ada: Reader) -> None:
    gid = await marked(ada, book={"named": {"title": "Anonymous", "authors": []}})
    assert (await ada.mutate("shareHighlight", "text", id=gid, platform="x"))["text"].endswith("\n\n— Anonymous")


class TestBehindAName:
    """PUBLIC_URL."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"public_url": "https://reading.example.org/books"})

    async def test_links_begin_as_it_is_set(self, ada: Reader) -> None:
        gid = await marked(ada)
        shared = await ada.mutate("shareHighlight", "url", id=gid, platform="x")
        assert shared["url"] == f"https://reading.example.org/books{path_of(gid)}"
        made = await ada.mutate("exportHighlights", "url", format="CSV")
        assert made["url"].startswith("https://reading.example.org/books/exports/")


async def test_sharing_is_kept_in_the_audit_log_and_in_the_log_of_the_server(
    container: Container, ada: Reader, capfd: pytest.CaptureFixture[str]
) -> None:
    gid = await marked(ada)
    await ada.mutate("shareHighlight", "url", id=gid, platform="The Quay 2.0")
    [row] = await sql(container, "SELECT * FROM audit_log WHERE action = 'share.external'")
    assert (row.resource_type, row.resource_id) == ("highlight", read_global_id(gid)[1])
    assert row.details == {"platform": "The Quay 2.0"}
    assert "highlight_shared" in capfd.readouterr().out


@pytest.mark.parametrize("platform", ["", " x", "x" * 31, "a\nb", "<b>", "mä"])
async def test_a_platform_is_a_short_word(container: Container, ada: Reader, platform: str) -> None:
    gid = await marked(ada)
    async with nothing_written(container):
        payload = await ada.mutate("shareHighlight", "url", id=gid, platform=platform)
    assert payload["url"] is None
    assert (payload["userErrors"][0]["code"], payload["userErrors"][0]["field"]) == ("INVALID", ["input", "platform"])


async def test_only_its_owner_shares_a_highlight(
    container: Container, ada: Reader, ben: Reader, nobody: Reader
) -> None:
    gid = await marked(ada)
    async with nothing_written(container):
        refused = await ben.mutate("shareHighlight", "text url", id=gid, platform="x")
        signed_out = await nobody.mutate("shareHighlight", "text url", id=gid, platform="x")
    assert (refused["text"], refused["userErrors"][0]["code"]) == (None, "NOT_FOUND")
    assert (signed_out["text"], signed_out["userErrors"][0]["code"]) == (None, "UNAUTHENTICATED")


async def test_a_deleted_highlight_is_not_shared(container: Container, ada: Reader) -> None:
    gid = await marked(ada)
    await ada.mutate("deleteHighlight", "highlight { id }", id=gid)
    async with nothing_written(container):
        payload = await ada.mutate("shareHighlight", "text", id=gid, platform="x")
    assert payload["userErrors"][0]["code"] == "NOT_FOUND"


async def test_a_page_is_words_that_run_nowhere(ada: Reader, nobody: Reader) -> None:
    gid = await marked(ada)
    status, body, headers = await visit(nobody, path_of(gid))
    assert status == 200
    assert "<script" not in body
    assert "<b>" not in body
    assert "&lt;script&gt;alert(&quot;diary&quot;)" in body
    assert f'<meta property="og:url" content="http://{nobody.http.host}:{nobody.http.port}{path_of(gid)}">' in body
    assert 'property="og:description"' in body
    assert "secret note" not in body
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
    assert headers["Cache-Control"] == "private, no-store"
    assert headers["Content-Type"] == "text/html; charset=utf-8"


async def test_a_long_passage_is_described_by_its_beginning(ada: Reader, nobody: Reader) -> None:
    gid = await marked(ada, text="y" * 12_000)
    found = re.search(r'og:description" content="(y+…)"', (await visit(nobody, path_of(gid)))[1])
    assert found
    assert len(found[1]) == 300


async def test_a_page_is_gone_when_it_may_no_longer_be_seen(ada: Reader, ben: Reader, nobody: Reader) -> None:
    nothing = await visit(nobody, f"/highlights/{uuid4()}")
    assert nothing[0] == 404

    async def seen(reader: Reader, gid: str) -> bool:
        status, body, _ = await visit(reader, path_of(gid))
        assert status == 200 or (status, body) == nothing[:2]
        return status == 200

    gid = await marked(ada)
    assert [await seen(reader, gid) for reader in (ada, ben, nobody)] == [True, True, True]
    await ada.mutate("updateHighlight", "highlight { id }", id=gid, visibility="PRIVATE")
    assert [await seen(reader, gid) for reader in (ada, ben, nobody)] == [True, False, False]
    await ada.mutate("updateHighlight", "highlight { id }", id=gid, visibility="PUBLIC")
    await ada.mutate("updatePrivacy", "__typename", isPrivate=True)
    assert [await seen(reader, gid) for reader in (ada, ben, nobody)] == [True, False, False]
    await ada.mutate("updatePrivacy", "__typename", isPrivate=False)
    await ada.mutate("deleteHighlight", "highlight { id }", id=gid)
    assert [await seen(reader, gid) for reader in (ada, ben, nobody)] == [False, False, False]


async def test_who_is_blocked_finds_nothing(container: Container, ada: Reader, ben: Reader, nobody: Reader) -> None:
    gid = await marked(ada)
    keys = {"a": read_global_id(ada.id)[1], "b": read_global_id(ben.id)[1]}
    await sql(container, "INSERT INTO blocks (blocker_id, blocked_id) VALUES (:a, :b)", **keys)
    assert [(await visit(reader, path_of(gid)))[0] for reader in (ben, nobody)] == [404, 200]


@pytest.mark.parametrize(
    "tail",
    ["x", "..%2f..", "%00", "%ff", "01960000-0000-7000-8000-00000000000", "{01960000-0000-7000-8000-000000000001}"],
)
async def test_a_malformed_link_is_one_to_nothing(http: "TestClient[Any, Any]", tail: str) -> None:
    async with http.get(f"/highlights/{tail}") as response:
        assert response.status == 404


async def test_a_highlight_has_one_address(ada: Reader, nobody: Reader) -> None:
    path = path_of(await marked(ada))
    for other in (path.upper().replace("/HIGHLIGHTS", "/highlights"), path.replace("-", "")):
        assert (await visit(nobody, other))[0] == (200 if other == path else 404)
