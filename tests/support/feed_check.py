"""What every page of every home feed must be, whatever has happened."""

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from auth.viewer import Viewer
from tests.support.feed_faults import Weather
from tests.support.feed_oracle import FeedOracle, Shown
from tests.support.feed_server import FeedServer, Read

LIFE = timedelta(days=7)
MOST_PAGES = 200


class WrongFeed(AssertionError):
    """A feed that is not what it must be."""


def must(holds: object, *what: object) -> None:
    """Raise WrongFeed unless it holds."""
    if not holds:
        raise WrongFeed(" ".join(map(str, what)))


class Checker:
    """Reads feeds page by page, and holds each page against the oracle as of that moment.

    When all jobs are done, a page is exactly the oracle's. While some wait, only the posts they have to do with may be missing or stand
    elsewhere, and never for whoever did it: one's own doings show at once. Nothing is ever shown that the oracle does not allow.
    """

    def __init__(self, server: FeedServer, weather: Weather, oracle: FeedOracle, counts: Counter[str]) -> None:
        self._server = server
        self._weather = weather
        self._oracle = oracle
        self._counts = counts
        self._now = timedelta()
        self._read_at: dict[UUID, timedelta] = {}

    def pass_time(self, time: timedelta) -> None:
        """Note that time has passed."""
        self._now += time

    def has_read(self, who: UUID) -> None:
        """Note that somebody has read."""
        self._read_at[who] = self._now

    async def feed(self, who: Viewer, first: int, between: Callable[[], Awaitable[None]] | None = None) -> None:
        """Read a feed to its end; `between` happens after the first pages."""
        me, after, place, had = who.require(), None, None, Counter[UUID]()
        await self._is_asleep(me)
        for number in range(MOST_PAGES):
            waiting, is_late = await self._server.waiting(me), await self._server.is_late()
            read = await self._server.read(who, first, after)
            self.has_read(me)
            self._page(me, first, place, read, waiting, is_late=is_late)
            had.update(one.post for one in read.shown)
            if not read.has_next:
                break
            after, place = read.end, read.shown[-1].place
            if between is not None and number < 3:
                await between()
        else:
            raise WrongFeed(f"the feed of {me} does not end")
        must(max(had.values(), default=1) == 1 or between, "shown twice to", me, had.most_common(3))
        self._counts["feeds read"] += 1

    def allowed(self, me: UUID, read: Read) -> None:
        """Look at a page that was read while other things happened."""
        ids = [one.post for one in read.shown]
        must(len(ids) == len(set(ids)), "shown twice on one page to", me)
        self._counts["pages read in the middle of something"] += 1

    def _page(
        self,
        me: UUID,
        first: int,
        place: tuple[datetime, UUID] | None,
        read: Read,
        waiting: set[UUID],
        *,
        is_late: bool,
    ) -> None:
        feed, shown = self._oracle.feed(me), read.shown
        whole = [one for one in feed if place is None or one.place < place]
        allowed = {one.post for one in feed}
        self.allowed(me, read)
        forbidden = [one.post for one in shown if one.post not in allowed]
        must(not forbidden, "shown to", me, "and not allowed:", forbidden)
        must(len(shown) <= first, "a page of", first, "has", len(shown))
        is_down = self._weather.is_away or self._weather.loses_answers
        # While no worker takes up jobs, who has a timeline reads the tables; who has none read them anyway.
        must(read.is_degraded == is_down or is_late, "degraded:", read.is_degraded, "but Valkey is down:", is_down)
        self._counts["pages: workers away"] += is_late
        sure = [one for one in shown if one.post not in waiting]
        expected = [one for one in whole if one.post not in waiting]
        if read.has_next:
            must(len(shown) == first, "a page of", first, "has", len(shown), "and more follow")
            expected = expected[: len(sure)]
        must(
            sure == expected,
            "to",
            me,
            "behind",
            place,
            "a page of",
            first,
            "shows\n ",
            _column(sure),
            "not\n ",
            _column(expected),
        )
        if not waiting:
            must(read.has_next == (len(whole) > first), "more follow:", read.has_next)
        self._counts["pages: exact" if not waiting else "pages: jobs wait"] += 1
        self._counts["pages: without Valkey"] += is_down

    async def _is_asleep(self, me: UUID) -> None:
        """Whoever has not read for seven days is not written to any more."""
        read_at = self._read_at.get(me)
        if read_at is None or self._now - read_at > LIFE:
            self._counts["came back after long"] += read_at is not None
            must(not await self._server.has_timeline(me), "there is a timeline of", me, "who has not read for long")


def _column(shown: Sequence[Shown]) -> str:
    return "\n  ".join(f"{one.at} {one.post} {one.by}" for one in shown) + "\n"
