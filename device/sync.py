"""A device: its store, its rules, and its connections to the server."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, TypeVar

from device.api import ADD_BOOK, PROGRESS, PULL, PUSH, SEPARATE, SIGN_IN, SIGN_UP, HttpTransport, Transport
from device.engine import Engine
from device.errors import RateLimited, Refused, SignedOut, Unreachable, raise_user_errors
from device.ids import uuid7
from device.live import Backoff, Live
from device.requests import OPS_MOST, PushRequest, Taken
from device.store import Store

Progress = Callable[[int, int | None], None]
"""Told how many changes have come, and how many there will be, if that is known."""
LOOK_SECONDS = 0.5
"""How often to look for work that another process has queued in the same store."""
WAIT_SECONDS = 30.0
"""The longest pause between two tries to reach the server; while the socket is down, each try pulls by HTTP."""
Answer = TypeVar("Answer")
MOST_WAITS = 20
"""How often in a row one sync waits because the server asks to."""


class Tap(Protocol):
    """Somebody who is told what came, as it comes."""

    def __call__(self, taken: Taken, /) -> None:
        """Hear what an answer or event did."""


class Device:
    """An app's one object: sign in, sync once, or stay in sync. Work is queued through `engine`, with or without a network."""

    def __init__(
        self,
        store: Store,
        *,
        engine: Engine | None = None,
        transport: Transport | None = None,
        live: Live | None = None,
        on_taken: Tap | None = None,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self.store = store
        self.engine = engine or Engine(store)
        self._transport = transport
        self._live = live
        self._on_taken = on_taken
        self._wait_seconds = wait_seconds
        self._queued = asyncio.Event()
        self._reached = asyncio.Event()
        self.engine.on_queued = self._queued.set
        # A push and a live event take turns, so that neither finds the device elsewhere when its answer comes.
        self._turn = asyncio.Lock()
        self._most = OPS_MOST

    @property
    def transport(self) -> Transport:
        """The way to the server that the store was signed in to."""
        if self._transport is None:
            self._transport = HttpTransport(self.url, self.store.get("token"))
        return self._transport

    @property
    def live(self) -> Live:
        """The way of live changes."""
        if self._live is None:
            self._live = Live(self.url)
        return self._live

    @property
    def url(self) -> str:
        """Where the server of this store is. Raise SignedOut when it has none."""
        url: str | None = self.store.get("url")
        if url is None:
            raise SignedOut("This device belongs to nobody yet: sign in first.")
        return url

    async def close(self) -> None:
        """Let connections go."""
        if self._transport is not None:
            await self._transport.close()

    # --- who ---

    async def sign_up(
        self, url: str, username: str, email: str, password: str, *, name: str, display_name: str | None = None
    ) -> None:
        """Make an account, with this as its first device. Raise Refused."""
        who = {"username": username, "email": email, "displayName": display_name or username}
        await self._sign(SIGN_UP, url, {**who, "password": password}, name)

    async def sign_in(self, url: str, login: str, password: str, *, name: str) -> None:
        """Sign in: as the device this store was before, if it was one of this reader's. Raise Refused."""
        await self._sign(SIGN_IN, url, {"login": login, "password": password}, name)

    async def _sign(self, document: str, url: str, who: Mapping[str, str], name: str) -> None:
        known: str | None = self.store.get("device_id")
        transport = self._transport = self._transport or HttpTransport(url)
        transport.token = None
        device = {"name": name, "platform": "reference"} | ({"id": known} if known else {})
        payload = (await transport.execute(document, {"input": {**who, "device": device}}))["it"]
        raise_user_errors(payload["userErrors"])
        session, user = payload["session"], payload["viewer"]["user"]["username"]
        if known and self.store.get("user") != user:
            raise Refused("OTHER_READER", "This store belongs to another reader: each needs a store of their own.")
        transport.token = payload["token"]
        with self.store.transaction():
            self.store.put(url=url, user=user, token=payload["token"], device_id=session["device"]["id"], name=name)
            if session["device"]["id"] != known:
                self.store.put(previous_op_id=uuid7())
            self.engine.met(session["createdAt"], self.engine.now())

    # --- once ---

    async def sync_once(self, progress: Progress | None = None) -> None:
        """Push until nothing waits, then pull until there is no more. Raise Unreachable, SignedOut or Refused.

        It may be cancelled at any moment, and goes on where it was.
        """
        self.store.tidy(self.engine.there())
        await self.push()
        await self.pull(progress)
        await self.push()

    async def push(self) -> None:
        """Send what waits, until nothing does, or has to wait for a pull."""
        while await _patiently(self._push_some):
            pass

    async def _push_some(self) -> bool:
        async with self._turn:
            await self._introduce_books()
            request = self.engine.next_push(self._most)
            if request is None:
                return False
            try:
                taken = await self._exchange(request)
            except Unreachable as error:
                if isinstance(error.__cause__, TimeoutError):
                    # Less at once: on a slow line, or to a busy server, the same again would be as late again, for ever.
                    self._most = max(1, len(request.ops) // 2)
                raise
            except Refused as problem:
                if problem.code != "BAD_USER_INPUT":
                    raise
                await self._find_culprit(request, problem)
                return True
            self._most = min(OPS_MOST, 2 * self._most)
            if taken.copied:
                await self._separate()
        self._tell(taken)
        return True

    async def _introduce_books(self) -> None:
        """Tell a restored server the ISBNs of books before what was marked in them; a book that it refuses is known by name."""
        for book in self.engine.unknown_books():
            payload = (await self.transport.execute(ADD_BOOK, {"input": book}))["addBook"]
            with contextlib.suppress(Refused):
                raise_user_errors(payload["userErrors"])
            self.engine.introduced(book)

    async def _exchange(self, request: PushRequest) -> Taken:
        payload = (await self.transport.execute(PUSH, request.variables))["pushHighlightChanges"]
        return self.engine.take_push(request, payload)

    async def _find_culprit(self, request: PushRequest, problem: Refused) -> None:
        """Where the server cannot even read a batch, find the operation to blame, and keep it from holding up the others."""
        await self._exchange(
            self.engine.probe()
        )  # a server that refuses a push of nothing has nothing against the operations
        for op in request.ops:
            one = self.engine.next_push(1)
            if one is None or one.ops[0].op_id != op.op_id:
                return
            try:
                await self._exchange(one)
            except Refused as still:
                if still.code != problem.code:
                    raise
                self.engine.refuse(op, still)

    async def _separate(self) -> None:
        """Become a device of its own: this store is a copy of one that has pushed since, or was copied by it."""
        device_id = self.store.get("device_id")
        payload = (await self.transport.execute(SEPARATE, {"input": {"deviceId": device_id}}))["separateDevice"]
        raise_user_errors(payload["userErrors"])
        self.engine.separated(payload["token"], payload["device"]["id"])
        self.transport.token = payload["token"]

    async def pull(self, progress: Progress | None = None) -> None:
        """Take pages until there is no more."""
        total, done = await self._expected(progress), 0
        more = True
        while more:
            taken = await _patiently(self._pull_some)
            more = taken.has_more or not taken.taken
            done += len(taken.changes)
            if progress:
                progress(done, max(total, done) if total is not None else None)

    async def _pull_some(self) -> Taken:
        async with self._turn:
            request = self.engine.next_pull()
            page = (await self.transport.execute(PULL, request.variables))["highlightChanges"]
            taken = self.engine.take_page(request, page)
        self._tell(taken)
        return taken

    async def _expected(self, progress: Progress | None) -> int | None:
        """Ask how much there is to come: counted up to 1,000, beyond which nobody knows."""
        if progress is None:
            return None
        devices = (await self.transport.execute(PROGRESS, {}))["viewer"]["devices"]
        counts = [d["pendingChangeCount"] for d in devices if d["id"] == self.store.get("device_id")]
        return counts[0] if counts and counts[0] < 1000 else None  # noqa: PLR2004

    def _tell(self, taken: Taken) -> None:
        if self._on_taken is not None and taken.taken:
            self._on_taken(taken)

    # --- for ever ---

    async def run(self) -> None:
        """Stay in sync until cancelled: hear changes as they happen, push work as it is queued. Raise SignedOut or Refused."""
        tasks = [asyncio.create_task(self._push_for_ever()), asyncio.create_task(self._listen_for_ever())]
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _push_for_ever(self) -> None:
        backoff = Backoff(most=self._wait_seconds)
        while True:
            self._queued.clear()
            self._reached.clear()
            try:
                await self.push()
                if self.store.get("resync"):
                    await self.pull()  # the push was told to begin anew, and the feed may not hear of it
                backoff.reset()
            except Unreachable:
                await _until(self._reached, backoff.next())
            else:
                await _until(self._queued, LOOK_SECONDS)

    async def _listen_for_ever(self) -> None:
        backoff = Backoff(most=self._wait_seconds)
        while True:
            with contextlib.suppress(Unreachable, RateLimited):
                await self.pull()  # by HTTP, which passes where sockets do not
                self._reached.set()
                await self._listen(backoff)
            await asyncio.sleep(backoff.next())

    async def _listen(self, backoff: Backoff) -> None:
        device_id: str = self.store.get("device_id")
        async with self.live.open(self.store.get("token")) as feed:
            position = self.engine.position
            await feed.subscribe(device_id, position.cursor)
            while self.store.get("device_id") == device_id:
                event = await feed.next()
                backoff.reset()
                async with self._turn:
                    taken = self.engine.take_event(position, event)
                    position = self.engine.position
                if not taken.taken or taken.resync:
                    # A push has brought the device further than the feed, or it begins anew: go on from there.
                    await feed.subscribe(device_id, position.cursor)
                self._tell(taken)


async def _patiently(ask: Callable[[], Awaitable[Answer]]) -> Answer:
    """Ask, and ask anew where the server asks to wait."""
    for _ in range(MOST_WAITS):
        try:
            return await ask()
        except RateLimited as limit:
            await asyncio.sleep(limit.retry_after)
    raise Unreachable("The server keeps asking to wait.")


async def _until(event: asyncio.Event, seconds: float) -> None:
    """Wait for an event, but not longer."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()
