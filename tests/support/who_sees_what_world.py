"""What readers write, mark and read, done twice: by the services, and in plain Python; and what everybody then finds."""

from typing import Any

from sqlalchemy import update

from core.ids import global_id
from models import Comment as CommentRow
from models import User
from models.profiles import Visibility
from services.catalog import BookRef
from services.positions import Place, PositionDraft
from services.posts import PostDraft
from services.sync.drafts import Anchor, HighlightDraft, HighlightPatch, Passage
from tests.support.rows import sql
from tests.support.seeding import Seeder
from tests.support.who_sees_what import LEVELS, Comment, Mark, Post, Reader, Volume
from tests.support.who_sees_what_compare import compared, foretold, foretold_lists
from tests.support.who_sees_what_people import WORDS, Deed, People, nth_of
from tests.support.who_sees_what_server import viewer_of

LOCATIONS = (0, 4, 5, 6, 10, 11)


class World(People):
    """All of one example."""

    async def begin(self) -> None:
        """Begin with readers and books, and nothing between them."""
        self.society = await self.server.begin()

    async def begin_with_some(self, nth: int) -> None:
        """Let each follow the next, and everybody write something about the same book, keep a highlight and be answered."""
        town, book = self.society, self.society.books[0]
        async with self.server.database.writing() as session:
            seeder = Seeder(session)
            for number, me in enumerate(town.readers):
                after = town.readers[(number + 1) % len(town.readers)]
                level = Visibility.PUBLIC if number % 2 else LEVELS[(nth + number) % 4]
                until, word = (None, 5, 10)[(nth + number) % 3], WORDS[number % 3]
                more: dict[str, Any] = {"book_id": book.key, "spoiler_until_location": until, "visibility": level}
                row = await seeder.post(me.key, f"See: {word}!", **more)
                post = Post(row.id, me, level, word, book, until)
                town.posts.append(post)
                said = await seeder.comment(row.id, after.key, spoiler_until_location=until)
                town.comments.append(Comment(said.id, after, post, None, until))
                mark = await seeder.highlight(me.key, book.key, visibility=level)
                town.marks.append(Mark(mark.id, me, level))
                await seeder.follow(after.key, me.key)
                town.follows.add((after, me))
            await self._entangle(seeder)
            await session.execute(update(User).where(User.id == town.readers[2].key).values(is_private=True))

    async def _entangle(self, seeder: Seeder) -> None:
        """Let somebody wait at a closed door, mute, and have read: what takes several steps to come about."""
        (first, second, third, *_), book = self.society.readers, self.society.books[0]
        third.private = True
        await seeder.follow_request(first.key, third.key)
        self.society.requests.add((first, third))
        await seeder.mute(first.key, word=WORDS[0])
        await seeder.mute(first.key, muted_user_id=second.key)
        self.society.mutes |= {(first, WORDS[0]), (first, second)}
        for me, location, percent in ((first, 4, 50), (second, 5, 0)):
            await seeder.position(
                me.key, book.key, location=0, furthest_location=location, furthest_percent=percent, writer="elsewhere"
            )
            self.society.reach(me, book, location=location, percent=percent)

    async def act(self, step: str, me: Reader, nth: int, pick: int) -> bool:
        """Do a step of the deck; False when there is nothing to do it to."""
        others = [reader for reader in self.society.readers if reader is not me]
        deed = getattr(self, step.replace(" ", "_"))
        return bool(await deed(me, others[nth % len(others)], nth, pick))

    # --- things ---

    async def highlight(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Mark a passage."""
        level, book = LEVELS[pick % 4], self.society.books[nth % 2]
        draft = HighlightDraft(_ref(book), Passage("Low water", Anchor()), visibility=level.value)
        applied = await self._do(lambda: None, lambda s: s.highlights.create(viewer_of(me), None, draft, None))
        self.society.marks.append(Mark(applied.highlight.id, me, level))
        return True

    async def change_highlight(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Show a highlight to others than before; sometimes somebody else's."""
        mark = nth_of(self.society.marks, nth)
        if mark is None:
            return False
        me, level = (mark.owner if nth % 4 else me), LEVELS[pick % 4]
        patch = HighlightPatch(visibility=level.value)
        await self._do(
            lambda: self.society.touch_mark(me, mark, level=level),
            lambda s: s.highlights.update(viewer_of(me), global_id("Highlight", mark.key), patch, None, None),
        )
        return True

    async def delete_highlight(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Delete a highlight, or restore it; sometimes somebody else's."""
        mark = nth_of(self.society.marks, nth)
        if mark is None:
            return False
        me = mark.owner if pick % 4 else me
        alive, key = mark.deleted, global_id("Highlight", mark.key)
        await self._do(lambda: self.society.touch_mark(me, mark, alive=alive), _life(me, key, alive=alive))
        return True

    async def post(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Write a post, perhaps about a book, perhaps with a secret of its story."""
        book = (*self.society.books, None)[pick // 4 % 3]
        until = (None, 5, 10)[nth % 3] if book else None
        word = WORDS[(nth + pick) % 3]
        level = LEVELS[pick % 4]
        draft = PostDraft(
            f"See: {word}!",
            book_id=_ref(book).id if book else None,
            visibility=level,
            spoiler_until_location=until,
        )
        seen = await self._do(lambda: None, lambda s: s.posts.create(viewer_of(me), draft, None))
        self.society.posts.append(Post(seen.post.id, me, level, word, book, until))
        return True

    async def delete_post(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Delete a post, or restore it; sometimes somebody else's."""
        post = nth_of(self.society.posts, nth)
        if post is None:
            return False
        me = post.author if pick % 4 else me
        alive, key = post.deleted, global_id("Post", post.key)
        await self._do(lambda: self.society.touch_post(me, post, alive=alive), _post_life(me, key, alive=alive))
        return True

    async def comment(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Answer a post, or an answer."""
        post = nth_of([post for post in self.society.posts if self.society.reads_post(me, post)], nth)
        if post is None:
            return False
        parents = [c for c in self.society.comments if c.post is post and self.society.reads_comment(me, c)]
        parent = nth_of(parents, pick) if pick % 2 else None
        until = (None, 5, 10)[pick % 3] if post.book else None
        async with self.server.database.writing() as session:
            above = await session.get(CommentRow, parent.key) if parent else None
            row = await Seeder(session).comment(post.key, me.key, parent=above, spoiler_until_location=until)
        self.society.comments.append(Comment(row.id, me, post, parent, until))
        return True

    async def delete_comment(self, _: Reader, __: Reader, nth: int, ___: int) -> bool:
        """Delete a comment: one with replies stays, empty."""
        comment = nth_of([comment for comment in self.society.comments if not comment.deleted], nth)
        if comment is None:
            return False
        comment.deleted = True
        if any(reply.parent is comment for reply in self.society.comments):
            statement = "UPDATE comments SET text = NULL, deleted_at = now() WHERE id = :id"
        else:
            statement = "DELETE FROM comments WHERE id = :id"
            self.society.comments.remove(comment)
        await sql(self.server.container, statement, id=comment.key)
        return True

    async def read_on(self, me: Reader, _: Reader, nth: int, pick: int) -> bool:
        """Come to a place in a book, told as a location or in percent; mostly one of two avid readers."""
        me = self.society.readers[nth % 2] if pick % 4 else me
        book, place = self.society.books[nth % 5 == 4], LOCATIONS[pick % 6]
        told = {"location": place} if nth // 2 % 2 else {"percent": place * 5}
        draft = PositionDraft(_ref(book), Place(**told))  # type: ignore[arg-type]
        await self._do(
            lambda: self.society.reach(me, book, **told), lambda s: s.positions.update(viewer_of(me), draft, None)
        )
        return True

    # --- comparing ---

    async def compare(self) -> int:
        """Compare what everybody may see of each kind."""
        return compared(foretold(self.society), await self.server.seen())

    async def compare_lists(self) -> int:
        """Compare lists of people and whole profiles, read as the API reads them."""
        return compared(foretold_lists(self.society), await self.server.lists(self.society))


def _life(me: Reader, key: str, *, alive: bool) -> Deed:
    if alive:
        return lambda services: services.highlights.restore(viewer_of(me), key, None)
    return lambda services: services.highlights.delete(viewer_of(me), key, None, None)


def _post_life(me: Reader, key: str, *, alive: bool) -> Deed:
    if alive:
        return lambda services: services.posts.restore(viewer_of(me), key, None)
    return lambda services: services.posts.delete(viewer_of(me), key, None)


def _ref(book: Volume) -> BookRef:
    return BookRef(id=global_id("Book", book.key))
