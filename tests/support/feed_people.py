"""A few readers and what they do to each other's home feeds, told to the server and to the oracle alike."""

import random
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from auth.viewer import Viewer
from core.ids import global_id
from models.posts import Fanout
from models.profiles import Visibility
from services.posts import PostDraft
from tests.support.feed_oracle import FeedOracle, Written
from tests.support.feed_server import LENGTH, WORDS, FeedServer
from tests.support.seeding import Seeder

NAMES = ("ada", "ben", "cleo", "dov", "eda", "finn", "gus")
OPEN, CLOSED = Visibility.PUBLIC, Visibility.FOLLOWERS
VISIBILITIES = (OPEN, OPEN, OPEN, OPEN, CLOSED, CLOSED, Visibility.MUTUALS, Visibility.PRIVATE)
Move = Callable[[Viewer, Viewer, int], Awaitable[Any]]


class People:
    """The readers, and the oracle that knows what they did. A step answers False when it cannot be done now."""

    def __init__(self, server: FeedServer) -> None:
        self.server = server
        self.oracle = FeedOracle()
        self.readers: Sequence[Viewer] = ()
        self.books: Sequence[UUID] = ()
        self._written = 0

    async def begin(self, seed: int) -> None:
        """Make readers, some of whom follow each other, and what they wrote before: longer than a timeline, and at equal moments."""
        chance = random.Random(seed)  # noqa: S311
        self.readers, self.books = await self.server.begin(NAMES)
        past = datetime.now(UTC) - timedelta(days=3)
        async with self.server.container.database.writing() as session:
            rows = Seeder(session)
            for one in self.readers:
                for other in self.readers:
                    if one is not other and chance.random() < 0.45:
                        await rows.follow(one.require(), other.require())
                        self.oracle.follow(one.require(), other.require())
            for number in range(2 * LENGTH):
                author, at = chance.choice(self.readers).require(), past + timedelta(minutes=number // 2)
                post = await rows.post(author, WORDS[number % 3], created_at=at, fanout=chance.choice(list(Fanout)))
                self._add(post.id, author, at, VISIBILITIES[0], None, WORDS[number % 3])
            for post_id in chance.sample(sorted(self.oracle.posts), 5):
                who, at = chance.choice(self.readers).require(), past + timedelta(hours=1)
                await rows.repost(post_id, who, created_at=at, fanout=chance.choice(list(Fanout)))
                self.oracle.reposts[post_id, who] = at

    def moves(self) -> dict[str, Move]:
        """Name what readers can do."""
        return {
            "post": lambda one, _, nth: self._post([one], nth),
            "post together": lambda one, other, nth: self._post([one, other] if one != other else [one], nth),
            "delete": self._delete,
            "restore": self._restore,
            "repost": lambda one, _, nth: self._repost([one], nth),
            "repost together": lambda one, other, nth: self._repost([one, other], nth),
            "undo repost": self._undo,
            "repost anew": self._repost_anew,
            "follow": self._follow,
            "unfollow": lambda one, other, _: self._part("unfollow", one, other),
            "remove follower": lambda one, other, _: self._part("remove_follower", one, other),
            "accept": lambda one, _, nth: self._answer(one, nth, accept=True),
            "decline": lambda one, _, nth: self._answer(one, nth, accept=False),
            "block": self._block,
            "unblock": self._unblock,
            "mute": self._mute,
            "unmute": self._unmute,
            "close or open account": self._turn,
        }

    # --- posts ---

    def _add(
        self, post_id: UUID, author: UUID, at: datetime, visible: Visibility, book: UUID | None, word: str
    ) -> None:
        self.oracle.posts[post_id] = Written(post_id, author, at, visible, book, frozenset([word]))

    async def _post(self, authors: Sequence[Viewer], nth: int) -> None:
        word, visible = WORDS[nth % 3], VISIBILITIES[nth % len(VISIBILITIES)]
        book = (*self.books, None, None)[nth // 8 % 4]
        self._written += 1
        draft = PostDraft(
            f"{word} {self._written}", visibility=visible, book_id=global_id("Book", book) if book else None
        )
        for author, (post_id, at) in zip(authors, await self.server.post_together(authors, draft), strict=True):
            self._add(post_id, author.require(), at, visible, book, word)

    def _own(self, one: Viewer, nth: int, *, is_deleted: bool) -> Written | None:
        mine = [p for p in self.oracle.posts.values() if p.author == one.user_id and p.is_deleted == is_deleted]
        return mine[-1 - nth % len(mine)] if mine else None

    async def _delete(self, one: Viewer, _: Viewer, nth: int) -> bool:
        post = self._own(one, nth, is_deleted=False)
        if post is not None:
            await self.server.delete(one, post.id)
            post.is_deleted = True
        return post is not None

    async def _restore(self, one: Viewer, _: Viewer, nth: int) -> bool:
        post = self._own(one, nth, is_deleted=True)
        if post is not None:
            await self.server.restore(one, post.id)
            post.is_deleted = False
        return post is not None

    async def _repost(self, readers: Sequence[Viewer], nth: int) -> bool:
        able = [p for p in self.oracle.posts.values() if all(self._may_pass_on(r.require(), p) for r in readers)]
        if not able:
            return False
        # Seldom the same post of long ago: what is passed on is mostly new.
        post = able[-1 - nth % min(len(able), 12)]
        at = await self.server.repost(readers, post.id)
        self.oracle.reposts |= {(post.id, reader.require()): at for reader in readers}
        return True

    def _may_pass_on(self, who: UUID, post: Written) -> bool:
        return (post.id, who) not in self.oracle.reposts and self._is_open(who, post) and self.oracle.may_see(who, post)

    def _is_open(self, who: UUID, post: Written) -> bool:
        return post.visibility is OPEN and (post.author == who or post.author not in self.oracle.private)

    async def _undo(self, one: Viewer, _: Viewer, nth: int) -> bool:
        mine = [
            post
            for post, who in self.oracle.reposts
            if who == one.user_id and self.oracle.may_see(who, self.oracle.posts[post])
        ]
        if mine:
            post_id = mine[-1 - nth % len(mine)]
            await self.server.undo_repost(one, post_id)
            del self.oracle.reposts[post_id, one.require()]
        return bool(mine)

    async def _repost_anew(self, _: Viewer, __: Viewer, nth: int) -> bool:
        """Let somebody take a repost back and pass the same post on again at once; the jobs of both may come in any order."""
        able = [pair for pair in self.oracle.reposts if self._may_repeat(*pair)]
        if not able:
            return False
        post, who = able[-1 - nth // 2 % len(able)]
        [reader] = [reader for reader in self.readers if reader.user_id == who]
        await self.server.undo_repost(reader, post)
        self.oracle.reposts[post, who] = await self.server.repost([reader], post)
        if nth % 2:
            await self.server.shuffle(nth)
            await self.server.run_all()
        return True

    def _may_repeat(self, post_id: UUID, who: UUID) -> bool:
        post = self.oracle.posts[post_id]
        return self._is_open(who, post) and self.oracle.may_see(who, post)

    # --- people ---

    async def _follow(self, one: Viewer, other: Viewer, _: int) -> bool:
        me, them = one.require(), other.require()
        if me == them or self.oracle.is_shut(me, them):
            return False
        await self.server.social("follow", one, them)
        self.oracle.follow(me, them)
        return True

    async def _part(self, what: str, one: Viewer, other: Viewer) -> bool:
        me, them = one.require(), other.require()
        pair = (me, them) if what == "unfollow" else (them, me)
        if pair not in self.oracle.follows | self.oracle.requests:
            return False
        await self.server.social(what, one, them)
        self.oracle.part(*pair)
        return True

    async def _answer(self, one: Viewer, nth: int, *, accept: bool) -> bool:
        asking = sorted(who for who, whom in self.oracle.requests if whom == one.user_id)
        if not asking:
            return False
        who = asking[nth % len(asking)]
        await self.server.social("respond", one, who, accept=accept)
        self.oracle.answer(who, one.require(), accept=accept)
        return True

    async def _block(self, one: Viewer, other: Viewer, _: int) -> bool:
        me, them = one.require(), other.require()
        if me == them or self.oracle.is_shut(me, them):
            return False
        await self.server.social("block", one, them)
        self.oracle.block(me, them)
        return True

    async def _unblock(self, one: Viewer, _: Viewer, nth: int) -> bool:
        mine = sorted(whom for who, whom in self.oracle.blocks if who == one.user_id)
        if mine:
            await self.server.social("unblock", one, mine[nth % len(mine)])
            self.oracle.blocks.remove((one.require(), mine[nth % len(mine)]))
        return bool(mine)

    async def _mute(self, one: Viewer, other: Viewer, nth: int) -> bool:
        me, kind = one.require(), ("user", "book", "post", "word")[nth % 4]
        seen = [one.post for one in self.oracle.feed(me)]
        what: Any = {"user": other.require(), "book": self.books[nth // 4 % 2], "word": WORDS[nth // 4 % 3]}.get(kind)
        if kind == "post":
            what = seen[nth // 4 % len(seen)] if seen else None
        if what is None or what == me or (kind == "user" and self.oracle.is_shut(me, what)):
            return False
        await self.server.mute(one, kind, what)
        self.oracle.mutes.add((me, kind, what))
        return True

    async def _unmute(self, one: Viewer, _: Viewer, nth: int) -> bool:
        mine = sorted((mute for mute in self.oracle.mutes if mute[0] == one.user_id), key=str)
        if mine:
            who, kind, what = mine[nth % len(mine)]
            await self.server.unmute(one, kind, what)
            self.oracle.mutes.remove((who, kind, what))
        return bool(mine)

    async def _turn(self, one: Viewer, _: Viewer, __: int) -> None:
        closes = one.require() not in self.oracle.private
        await self.server.set_private(one, is_private=closes)
        self.oracle.set_private(one.require(), is_private=closes)
