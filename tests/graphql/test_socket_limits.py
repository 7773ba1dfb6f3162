"""What a socket may hold up, and how many a reader may have."""

import asyncio
import socket

import pytest
from aiohttp import WSMsgType, web

from app import SOCKETS
from core.settings import Settings
from runtime import sockets
from tests.graphql.test_first_slice import LIVE
from tests.support.api import Reader

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}


class TestOneTooMany:
    """SOCKETS_PER_READER=2."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"sockets_per_reader": 2})

    async def test_a_reader_may_not_open_sockets_without_end(self, ada: Reader, ben: Reader) -> None:
        async with ada.socket() as first, ada.socket() as second, ben.socket() as other:
            for opened in (first, second, other):
                await opened.acknowledged()
            async with ada.socket() as third:
                assert await third.closed() == 1013


async def test_a_stalled_reader_is_closed_and_hurts_nobody(
    ada: Reader, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "STALLED_SECONDS", 2.0)
    async with ada.socket() as good, ada.socket() as stalled:
        await good.acknowledged()
        await good.subscribe(LIVE, device=ada.device_id, after=None)
        assert (await good.next())["highlightChanges"]["__typename"] == "SyncCaughtUp"
        await stalled.acknowledged()
        # Else the kernel takes 6 MB for it before anybody notices.
        stalled.ws.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(8):  # takes nothing of any of them: more than every buffer on the way holds
            await stalled.subscribe(LIVE, device=ada.device_id, after=None)
        for number in range(60):
            passage = {"text": f"{number} " + "The lamp was lit again. " * 480, "anchor": {}}
            await ada.mutate("createHighlight", "highlight { id }", book=BOOK, passage=passage)
            assert (await good.next())["highlightChanges"]["__typename"] == "HighlightUpserted"
        async with asyncio.timeout(15):
            while len(app[SOCKETS]) > 1:  # noqa: ASYNC110 - there is no event for what is gone
                await asyncio.sleep(0.1)


async def test_a_silent_peer_is_asked_whether_it_lives_and_cut_off_when_it_does_not_answer(
    ada: Reader, app: web.Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sockets, "HEARTBEAT_SECONDS", 0.5)
    async with ada.http.ws_connect("/graphql", protocols=["graphql-transport-ws"], autoping=False) as ws:
        assert (await ws.receive(timeout=10)).type is WSMsgType.PING
        async with asyncio.timeout(15):
            while len(app[SOCKETS]):  # noqa: ASYNC110 - there is no event for what is gone
                await asyncio.sleep(0.1)
