"""Statements that are put together once: one for each kind of viewer, and never with a predicate that was replaced."""

import pytest
from sqlalchemy import select, true

from auth.viewer import Viewer
from core.ids import uuid7
from models import User
from models.profiles import Role
from repositories import visibility
from repositories.prepared import IDS, prepared
from repositories.profiles import ProfileRepository
from runtime.container import Container
from tests.support.seeding import Seeder

ADA, BEN = Viewer(user_id=uuid7()), Viewer(user_id=uuid7())
MODERATOR = Viewer(user_id=uuid7(), role=Role.MODERATOR)


def test_readers_share_a_statement_and_other_kinds_have_their_own() -> None:
    made: list[Viewer] = []

    @prepared
    def users(viewer: Viewer) -> object:
        made.append(viewer)
        return select(User).where(User.id.in_(IDS), visibility.users(viewer))

    statements = [users(viewer, [])[0] for viewer in (ADA, BEN, MODERATOR, Viewer(), ADA, MODERATOR, Viewer())]
    assert statements[0] is statements[1] is statements[4]
    assert statements[2] is statements[5]
    assert statements[3] is statements[6]
    assert len(made) == 3
    assert [(viewer.is_signed_in, viewer.moderates) for viewer in made] == [(True, False), (True, True), (False, False)]


def test_the_values_are_those_of_each_call() -> None:
    @prepared
    def users(viewer: Viewer) -> object:
        return select(User).where(User.id.in_(IDS), visibility.users(viewer))

    one, other = uuid7(), uuid7()
    assert users(ADA, [one, one])[1] == {"ids": [one], "me": ADA.user_id}
    assert users(BEN, [other])[1] == {"ids": [other], "me": BEN.user_id}


@pytest.mark.parametrize("predicate", ["profiles", "_follows", "named_users"])
async def test_a_predicate_that_is_replaced_counts_at_once_and_no_longer_than_that(
    container: Container, monkeypatch: pytest.MonkeyPatch, predicate: str
) -> None:
    async with container.database.writing() as session:
        seeder = Seeder(session)
        me, closed, blocker = await seeder.user(), await seeder.user(is_private=True), await seeder.user()
        await seeder.block(blocker.id, me.id)

    async def seen() -> dict[object, bool]:
        async with container.database.reading() as session:
            found = await ProfileRepository(session).visible(Viewer(user_id=me.id), [closed.id, blocker.id])
        return {key: profile.is_open for key, profile in found.items()}

    for _ in range(2):
        assert await seen() == {closed.id: False}
        with monkeypatch.context() as patch:
            patch.setattr(visibility, predicate, lambda *_: true())
            expected = {closed.id: False, blocker.id: True} if predicate == "named_users" else {closed.id: True}
            assert await seen() == expected


async def test_of_no_ids_nothing_is_found(container: Container) -> None:
    async with container.database.reading() as session:
        assert await ProfileRepository(session).visible(ADA, []) == {}
