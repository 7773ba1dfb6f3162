"""Hear the bells that other processes ring, over one connection, and know when some may have been missed."""

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import ConnectionError as RedisConnectionError

from clients.bus import ALL, LOST, channel_of, entry_of, key_of
from core.events import FeedEntryAdded

log = structlog.get_logger(__name__)


@dataclass(slots=True, eq=False)
class _Channel:
    """One user's or post's channel: each command for it is answered once, in the order sent."""

    holders: int = 0
    asked: bool = False
    """Whether the last command sent was SUBSCRIBE."""
    unanswered: int = 0
    unconfirmed: bool = False
    """Somebody went on without a confirmation, and may have missed a bell."""
    confirmed: asyncio.Event = field(default_factory=asyncio.Event)

    def begin_anew(self) -> None:
        """Forget what was said over a connection that is lost."""
        self.asked, self.unanswered = False, 0
        self.confirmed.clear()


class BusListener:
    """One subscribed connection a process; reconnects for ever, and says when bells may have been missed."""

    def __init__(
        self,
        url: str,
        on_ring: Callable[[UUID, str], None],
        on_gap: Callable[[], None],
        on_entry: Callable[[FeedEntryAdded], None] = lambda _: None,
    ) -> None:
        self._url = url
        self._on_ring = on_ring
        self._on_entry = on_entry
        self._on_gap = on_gap
        self._channels: dict[str, _Channel] = {}
        self._leaving: set[str] = set()
        self._pubsub: PubSub | None = None
        self.is_up = False

    async def run(self) -> None:
        """Listen until cancelled."""
        wait = 0.1
        while True:
            began = time.monotonic()
            try:
                await self._listen()
            except LOST as error:
                _unless_cancelled()
                log.warning("bus_lost", error=type(error).__name__)
            except Exception:
                _unless_cancelled()
                log.exception("bus_failed")
            finally:
                self._forget_connection()
            self._on_gap()
            wait = 0.1 if time.monotonic() - began > 5 else min(wait * 2, 2.0)  # noqa: PLR2004 - seconds of health
            await asyncio.sleep(wait * random.uniform(0.5, 1))  # noqa: S311 - jitter

    async def subscribe(self, *keys: UUID, patience: float = 1.0) -> None:
        """Hold the channels of users or posts; returns when Valkey has confirmed them, or is not there: sweeps cover for it then.

        Every call is matched by one `release` of the same keys, also when this one is cancelled.
        """
        held = {name: self._channels.setdefault(name, _Channel()) for name in map(channel_of, keys)}
        for channel in held.values():
            channel.holders += 1
        self._leaving.difference_update(held)
        waiting = {name: channel for name, channel in held.items() if not channel.confirmed.is_set()}
        if waiting and self._pubsub is not None:
            with contextlib.suppress(*LOST):
                async with asyncio.timeout(patience):
                    if unasked := [name for name, channel in waiting.items() if not channel.asked]:
                        await self._send(self._pubsub, unasked, wanted=True)
                    for channel in waiting.values():
                        await channel.confirmed.wait()
        for channel in waiting.values():
            channel.unconfirmed = channel.unconfirmed or not channel.confirmed.is_set()

    def release(self, *keys: UUID) -> None:
        """Let go of channels; the listening task leaves those that nobody holds any more."""
        for name in dict.fromkeys(map(channel_of, keys)):
            channel = self._channels[name]
            channel.holders -= 1
            if channel.holders == 0:
                self._leaving.add(name)

    def _forget_connection(self) -> None:
        self.is_up = False
        self._pubsub = None
        self._leaving.clear()
        self._channels = {name: channel for name, channel in self._channels.items() if channel.holders}
        for channel in self._channels.values():
            channel.begin_anew()

    async def _send(self, pubsub: PubSub, names: Sequence[str], *, wanted: bool) -> None:
        # The books are kept before the first await: the order of calls is the order on the wire.
        _check(pubsub)
        for name in names:
            channel = self._channels[name]
            channel.asked = wanted
            channel.unanswered += 1
            channel.confirmed.clear()
        await (pubsub.subscribe(*names) if wanted else pubsub.unsubscribe(*names))

    async def _listen(self) -> None:
        client = Redis.from_url(self._url, socket_connect_timeout=2, socket_timeout=5, decode_responses=True)
        async with client, client.pubsub() as pubsub:
            await pubsub.connect()
            self._pubsub = pubsub
            async with asyncio.timeout(2):
                if self._channels:
                    await self._send(pubsub, list(self._channels), wanted=True)
                await pubsub.subscribe(ALL)
            heard = asked = time.monotonic()
            while True:
                _check(pubsub)
                message = await pubsub.get_message(timeout=0.5)
                now = time.monotonic()
                if message is not None:
                    heard = now
                    self._take(message)
                elif now - heard > 4:  # noqa: PLR2004 - 2 s of silence, then 2 s without a pong
                    raise TimeoutError
                elif now - heard > 2 and asked <= heard:  # noqa: PLR2004 - a stalled Valkey is silent, not gone
                    asked = now
                    async with asyncio.timeout(2):
                        await pubsub.ping()
                await self._leave(pubsub)

    async def _leave(self, pubsub: PubSub) -> None:
        """Unsubscribe from what nobody holds; what is not answered yet has to wait for its answer."""
        left = [name for name in self._leaving if self._channels[name].confirmed.is_set()]
        if left:
            self._leaving.difference_update(left)
            async with asyncio.timeout(2):
                await self._send(pubsub, left, wanted=False)

    def _take(self, message: dict[str, Any]) -> None:
        kind, name = message["type"], message.get("channel")
        if kind in ("subscribe", "unsubscribe"):
            self._answered(str(name))
        elif kind == "message" and name == ALL:
            entry = entry_of(message["data"])
            if entry is not None:
                self._on_entry(entry)
        elif kind == "message" and name in self._channels:
            self._on_ring(key_of(name), message["data"])

    def _answered(self, name: str) -> None:
        if name == ALL:
            # Asked for after all others: what was rung while nobody listened is not told again.
            self.is_up = True
            self._on_gap()
            return
        channel = self._channels[name]
        channel.unanswered -= 1
        if channel.unanswered:
            return
        if channel.asked:
            channel.confirmed.set()
            if channel.unconfirmed:
                channel.unconfirmed = False
                self._on_gap()
        elif not channel.holders:
            del self._channels[name]
            self._leaving.discard(name)


def _unless_cancelled() -> None:
    """Go on ending: the client library answers some cancellations with an error of its own."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


def _check(pubsub: PubSub) -> None:
    """Refuse a connection that is gone: the client would quietly make another one, and nobody would know of the gap."""
    if pubsub.connection is None or not pubsub.connection.is_connected:
        raise RedisConnectionError
