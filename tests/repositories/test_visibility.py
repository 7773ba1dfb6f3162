"""The predicates by themselves: settings and relations in combination, and mutes, which no path lists by yet."""

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import ColumnElement, select

from auth.viewer import Viewer
from core.text import words_of
from models import Book, Comment, Highlight, Post, Repost, User
from models.profiles import Visibility
from repositories import visibility
from repositories.social import SocialRepository
from runtime.container import Container
from tests.support.seeding import Seeder

RELATIONS = ("follows", "is_followed", "blocks", "is_blocked", "asks", "mutes")


@dataclass(frozen=True)
class Pair:
    """An owner and a viewer, and all that holds between them."""

    private: bool
    shows: bool
    relations: frozenset[str]

    def may_read(self, level: Visibility) -> bool:
        """Apply the rules."""
        if level is Visibility.PRIVATE or self.relations & {"blocks", "is_blocked"}:
            return False
        if level is Visibility.PUBLIC and not self.private:
            return True
        mutual = {"follows", "is_followed"} <= self.relations
        return self.shows and (mutual if level is Visibility.MUTUALS else "follows" in self.relations)


PAIRS = [
    Pair(private, shows, frozenset(relations))
    for private, shows in itertools.product((False, True), repeat=2)
    for count in range(4)
    for relations in itertools.combinations(RELATIONS, count)
    if count < 3 or {"follows", "is_followed"} <= set(relations)
]


async def _lay(seeder: Seeder, pair: Pair, number: int) -> tuple[UUID, UUID]:
    owner = await seeder.user(f"owner{number}", is_private=pair.private, show_highlights_to_followers=pair.shows)
    viewer = await seeder.user(f"viewer{number}")
    book = await seeder.book()
    for level in Visibility:
        await seeder.highlight(owner.id, book.id, visibility=level)
    written = {
        "follows": lambda: seeder.follow(viewer.id, owner.id),
        "is_followed": lambda: seeder.follow(owner.id, viewer.id),
        "blocks": lambda: seeder.block(viewer.id, owner.id),
        "is_blocked": lambda: seeder.block(owner.id, viewer.id),
        "asks": lambda: seeder.follow_request(viewer.id, owner.id),
        "mutes": lambda: seeder.mute(viewer.id, muted_user_id=owner.id),
    }
    for relation in pair.relations:
        await written[relation]()  # type: ignore[no-untyped-call]
    return owner.id, viewer.id


async def test_every_combination_of_settings_and_relations_opens_what_the_rules_say(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        laid = [(pair, *(await _lay(seeder, pair, number))) for number, pair in enumerate(PAIRS)]
        for pair, owner, viewer in laid:
            eyes = Viewer(user_id=viewer)
            mine = select(Highlight.visibility).where(Highlight.user_id == owner, visibility.highlights(eyes))
            assert set(await session.scalars(mine)) == {level for level in Visibility if pair.may_read(level)}, pair
            known = select(User.id).where(User.id == owner, visibility.users(eyes))
            blocked = bool(pair.relations & {"blocks", "is_blocked"})
            assert bool((await session.scalars(known)).all()) != blocked, pair
            open_ = select(User.id).where(User.id == owner, visibility.users(eyes), visibility.profiles(eyes))
            is_open = not blocked and (not pair.private or "follows" in pair.relations)
            assert bool((await session.scalars(open_)).all()) == is_open, pair


async def test_predicates_hold_inside_other_subqueries(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        viewer, friend, stranger = [await seeder.user() for _ in range(3)]
        book = await seeder.book()
        for owner in (friend, stranger):
            await seeder.highlight(owner.id, book.id, visibility=Visibility.FOLLOWERS)
        await seeder.follow(viewer.id, friend.id)
        seen = select(Highlight.id).where(
            Highlight.user_id == User.id, visibility.highlights(Viewer(user_id=viewer.id))
        )
        once = select(User.id).where(seen.exists())
        assert set(await session.scalars(once)) == {friend.id}
        twice = select(Book.id).where(select(User.id).where(User.id == stranger.id, seen.exists()).exists())
        assert set(await session.scalars(twice)) == set()


async def test_the_signed_out_see_public_things_of_public_accounts(container: Container) -> None:
    nobody = Viewer()
    async with container.database.writing() as session:
        seeder = Seeder(session)
        seen = {}
        for private in (False, True):
            owner, book = await seeder.user(is_private=private), await seeder.book(is_public=not private)
            await seeder.hold(owner.id, book.id)
            for level in Visibility:
                mark = await seeder.highlight(owner.id, book.id, visibility=level)
                seen[mark.id] = not private and level is Visibility.PUBLIC
        found = await session.scalars(select(Highlight.id).where(visibility.highlights(nobody)))
        assert set(found) == {key for key, is_seen in seen.items() if is_seen}
        assert set(await session.scalars(select(User.is_private).where(visibility.profiles(nobody)))) == {False}
        assert set(await session.scalars(select(Book.is_public).where(visibility.books(nobody)))) == {True}
        assert not (await session.scalars(select(Highlight).where(visibility.own(Highlight, nobody)))).all()


@pytest.mark.parametrize(
    ("until", "holds"), [(None, True), (timedelta(hours=1), True), (timedelta(hours=-1), False)], ids=str
)
async def test_a_mute_hides_its_person_and_its_book_while_it_lasts(
    container: Container, until: timedelta | None, holds: bool
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        viewer, loud, quiet = [await seeder.user() for _ in range(3)]
        dull, fine = [await seeder.book() for _ in range(2)]
        end = datetime.now(UTC) + until if until is not None else None
        await seeder.mute(viewer.id, muted_user_id=loud.id, until=end)
        await seeder.mute(viewer.id, muted_book_id=dull.id, until=end)
        await seeder.mute(viewer.id, word="tide")
        marks = {
            (owner.id, book.id): (await seeder.highlight(owner.id, book.id)).id
            for owner in (loud, quiet)
            for book in (dull, fine)
        }

        async def left(eyes: Viewer, **by: ColumnElement[UUID]) -> set[UUID]:
            return set(await session.scalars(select(Highlight.id).where(visibility.unmuted(eyes, **by))))

        def without(*gone: UUID) -> set[UUID]:
            return {mark for pair, mark in marks.items() if not (holds and set(pair) & set(gone))}

        eyes = Viewer(user_id=viewer.id)
        person, book_id = Highlight.user_id.expression, Highlight.book_id.expression
        assert await left(eyes, user_id=person) == without(loud.id)
        assert await left(eyes, book_id=book_id) == without(dull.id)
        assert await left(eyes, user_id=person, book_id=book_id) == without(loud.id, dull.id)
        assert await left(Viewer(user_id=quiet.id), user_id=person, book_id=book_id) == set(marks.values())
        assert await left(Viewer(), user_id=person, book_id=book_id) == set(marks.values())


async def test_the_social_graph_answers_for_many_at_once(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        me, friend, foe, hater, other = [await seeder.user() for _ in range(5)]
        await seeder.follow(me.id, friend.id)
        await seeder.follow(other.id, me.id)
        await seeder.block(me.id, foe.id)
        await seeder.block(hater.id, me.id)
        await seeder.block(foe.id, other.id)
        everybody: Iterable[UUID] = {user.id for user in (me, friend, foe, hater, other)}
        social = SocialRepository(session)
        assert await social.following_among(me.id, everybody) == {friend.id}
        assert await social.following_among(me.id, [foe.id]) == set()
        assert await social.blocked_among(me.id, everybody) == {foe.id, hater.id}
        assert await social.blocked_among(me.id, [foe.id]) == {foe.id}


@pytest.mark.parametrize(
    ("word", "text", "hides"),
    [
        ("butler", "It was the BUTLER!", True),
        ("butler", "the butlers", False),
        ("the butler", "the - butler", True),
        ("the butler", "butler, the", False),
        ("Straße", "in der STRASSE", True),
        ("caf\u00e9", "un cafe\u0301.", True),
        ("ｗｉｄｅ", "a wide margin", True),  # noqa: RUF001
        ("犯人", "彼が犯人だった", True),
        ("犯人", "犯罪と人", False),
        ("don't", "I don\u2019t know", True),
        ("50%", "50 of them", True),
        ("a_b", "a%b", True),
        ("_", "anything", None),
        ("नमस्ते", "उसने कहा: नमस्ते।", True),
    ],
)
async def test_a_muted_word_is_met_as_a_word(container: Container, word: str, text: str, hides: bool | None) -> None:
    muted = words_of(word).strip()
    assert bool(muted) == (hides is not None)
    if not muted:
        return
    async with container.database.writing() as session:
        seeder = Seeder(session)
        viewer, author = await seeder.user(), await seeder.user()
        post, plain = await seeder.post(author.id, text), await seeder.post(author.id, "nothing of that kind")
        comment = await seeder.comment(plain.id, author.id, text)
        await seeder.mute(viewer.id, word=muted)
        eyes = Viewer(user_id=viewer.id)
        posts = set(await session.scalars(select(Post.id).where(visibility.unmuted(eyes, words=Post.words))))
        comments = set(await session.scalars(select(Comment.id).where(visibility.unmuted(eyes, words=Comment.words))))
    assert posts == ({plain.id} if hides else {plain.id, post.id})
    assert comments == (set() if hides else {comment.id})


async def test_a_muted_conversation_takes_its_comments_along(container: Container) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        viewer, author = await seeder.user(), await seeder.user()
        loud, quiet = await seeder.post(author.id), await seeder.post(author.id)
        await seeder.comment(loud.id, author.id)
        answer = await seeder.comment(quiet.id, author.id)
        await seeder.repost(loud.id, author.id)
        await seeder.mute(viewer.id, muted_post_id=loud.id)
        eyes = Viewer(user_id=viewer.id)
        posts = await session.scalars(select(Post.id).where(visibility.unmuted(eyes, post_id=Post.id)))
        assert set(posts) == {quiet.id}
        comments = await session.scalars(select(Comment.id).where(visibility.unmuted(eyes, post_id=Comment.post_id)))
        assert set(comments) == {answer.id}
        passed_on = await session.scalars(
            select(Repost.post_id).where(visibility.unmuted(eyes, post_id=Repost.post_id))
        )
        assert set(passed_on) == set()
