"""What readers do to each other and to their accounts, done twice: by the services, and in plain Python."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from core.ids import global_id
from runtime.container import Services
from services.profiles import PrivacyPatch
from services.social_mutes import NamedTarget
from tests.support.who_sees_what import Post, Reader, Refused, Society, Volume
from tests.support.who_sees_what_compare import must
from tests.support.who_sees_what_server import Server, gid, viewer_of

Thing = TypeVar("Thing")
Deed = Callable[[Services], Awaitable[Any]]
WORDS = ("tide", "tideline", "kelp")


class People:
    """The society of one example, as far as people go. A refusal of the services must be one of the design's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.society = Society([], [])

    async def _do(self, foretold: Callable[[], object], deed: Deed) -> Any:
        """Do it in both worlds; None where both refuse, with the same code."""
        expected = None
        try:
            foretold()
        except Refused as refused:
            expected = str(refused)
        answer, code = await self.server.do(deed)
        must(code == expected, "refused with", code, "and by the design with", expected)
        return answer if code is None else None

    # --- the social graph ---

    async def follow(self, me: Reader, other: Reader, nth: int, pick: int) -> bool:
        """Follow, or ask to; often back, often one who asks to be asked."""
        closed = [reader for reader in self.society.readers if reader.private and reader is not me]
        other = closed[nth % len(closed)] if closed and pick % 3 == 0 else other
        followers = _in_order({pair for pair in self.society.follows if pair[1] is me})
        other = followers[nth % len(followers)][0] if followers and pick % 3 == 1 else other
        await self._do(
            lambda: self.society.follow(me, other), lambda s: s.social.follow(viewer_of(me), gid(other), None)
        )
        return True

    async def unfollow(self, me: Reader, other: Reader, *_: int) -> bool:
        """End it."""
        await self._do(
            lambda: self.society.unfollow(me, other), lambda s: s.social.unfollow(viewer_of(me), gid(other), None)
        )
        return True

    async def remove_follower(self, me: Reader, other: Reader, *_: int) -> bool:
        """Take a follower away."""
        await self._do(
            lambda: self.society.remove_follower(me, other),
            lambda s: s.social.remove_follower(viewer_of(me), gid(other), None),
        )
        return True

    async def respond(self, me: Reader, other: Reader, nth: int, pick: int) -> bool:
        """Answer somebody who asks; sometimes somebody who does not."""
        asking = [pair for pair in _in_order(self.society.requests) if pick % 4]
        if asking:
            other, me = asking[nth % len(asking)]
        accept = bool(pick % 3)
        await self._do(
            lambda: self.society.respond(me, other, accept=accept),
            lambda s: s.social.respond(viewer_of(me), gid(other), None, accept=accept),
        )
        return True

    async def block(self, me: Reader, other: Reader, nth: int, pick: int) -> bool:
        """Shut somebody out; mostly a friend."""
        friends = _in_order(self.society.follows)
        if friends and pick % 4:
            me, other = friends[nth % len(friends)]
        await self._do(lambda: self.society.block(me, other), lambda s: s.social.block(viewer_of(me), gid(other), None))
        return True

    async def unblock(self, me: Reader, other: Reader, nth: int, pick: int) -> bool:
        """Take a block away."""
        blocks = _in_order(self.society.blocks)
        if blocks and pick % 4:
            me, other = blocks[nth % len(blocks)]
        await self._do(
            lambda: self.society.unblock(me, other), lambda s: s.social.unblock(viewer_of(me), gid(other), None)
        )
        return True

    async def mute(self, me: Reader, other: Reader, nth: int, pick: int) -> bool:
        """Mute a reader, a book, or a word."""
        target = self._mutable(other, nth, pick)
        await self._do(
            lambda: self.society.mute(me, target), lambda s: s.mutes.mute(viewer_of(me), _named(target), None, None)
        )
        return True

    async def unmute(self, me: Reader, other: Reader, nth: int, pick: int) -> bool:
        """Take a mute away."""
        target = self._mutable(other, nth, pick)
        await self._do(
            lambda: self.society.mutes.discard((me, target)),
            lambda s: s.mutes.unmute(viewer_of(me), _named(target), None),
        )
        return True

    def _mutable(self, other: Reader, nth: int, pick: int) -> object:
        post = nth_of(self.society.posts, nth)
        return (other, self.society.books[nth % 2], WORDS[0], post or other)[pick % 4]

    # --- privacy ---

    async def go_private(self, me: Reader, *_: object) -> bool:
        """Close the account."""
        await self._do(lambda: self.society.set_private(me, to=True), _privacy(me, PrivacyPatch(is_private=True)))
        return True

    async def go_public(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Open the account; mostly one at whose door somebody waits."""
        waiting = _in_order(self.society.requests)
        me = waiting[nth % len(waiting)][1] if waiting and pick % 4 else me
        await self._do(lambda: self.society.set_private(me, to=False), _privacy(me, PrivacyPatch(is_private=False)))
        return True

    async def switch_followers(self, me: Reader, *_: object) -> bool:
        """Take followers, or no more."""
        me.accepts = not me.accepts
        await self._do(lambda: None, _privacy(me, PrivacyPatch(allow_followers=me.accepts)))
        return True

    async def switch_showing(self, me: Reader, *_: object) -> bool:
        """Show highlights to followers, or no more."""
        me.shows = not me.shows
        await self._do(lambda: None, _privacy(me, PrivacyPatch(show_highlights_to_followers=me.shows)))
        return True


def nth_of(things: list[Thing], nth: int) -> Thing | None:
    return things[nth % len(things)] if things else None


def _in_order(pairs: set[tuple[Reader, Reader]]) -> list[tuple[Reader, Reader]]:
    return sorted(pairs, key=lambda pair: (pair[0].name, pair[1].name))


def _privacy(me: Reader, patch: PrivacyPatch) -> Deed:
    return lambda services: services.profiles.update_privacy(viewer_of(me), patch, None, None)


def _named(target: object) -> NamedTarget:
    if isinstance(target, Reader):
        return NamedTarget(user_id=gid(target))
    if isinstance(target, Volume):
        return NamedTarget(book_id=global_id("Book", target.key))
    if isinstance(target, Post):
        return NamedTarget(post_id=global_id("Post", target.key))
    return NamedTarget(word=str(target))
