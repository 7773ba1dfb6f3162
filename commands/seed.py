"""Load the demo data. What is there already stays as it is."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from auth.passwords import Hashes
from auth.viewer import Viewer
from commands.demo_data import BOOKS, PASSWORD, READERS, DemoReader, Mark
from commands.seed_talk import Talk
from core import clock
from core.events import Event
from core.settings import Profile, Settings
from models import Follow, Session, User
from runtime.container import Services
from runtime.launch import Backends, CannotStart, backends, container_of, require_current, unless
from services.accounts_input import DeviceDraft, SignUpDraft
from services.catalog import BookDraft, BookRef, NamedBook
from services.sync.drafts import Anchor, HighlightDraft, Passage

_LOCK = 0x73656564  # "seed": two that start together load once
ACCOUNT_AGE = timedelta(days=120)


async def seed(settings: Settings, stop: asyncio.Event) -> int:
    """Load the demo data, and say what came of it."""
    if settings.profile is Profile.PRODUCTION:
        raise CannotStart(
            "PROFILE: `seed` makes accounts whose password everybody knows, so it refuses PROFILE=production."
        )
    async with backends(settings, stop) as found:
        await require_current(found.database_url)
        made = await unless(stop, load(settings, found))
    print(f"{made} demo readers added." if made else "The demo data is there already.")
    return 0


async def load(settings: Settings, found: Backends) -> int:
    """Add those demo readers who are missing, all in one transaction; tell how many."""
    async with container_of(settings, found) as container:
        await container.refresh_epoch()
        # One hash for all: the password is no secret, and each hash takes a tenth of a second.
        hashes = await container.passwords.hashes(PASSWORD)
        events: list[Event] = []
        async with container.database.writing() as session:
            await session.execute(select(func.pg_advisory_xact_lock(_LOCK)))
            taken = await _ids(session)
            missing = [reader for reader in READERS if reader.username not in taken]
            for reader in missing:
                await _add(session, Services(session, container, events), reader, hashes)
            await _follow(session, missing)
            if len(missing) == len(READERS):
                await Talk(session, Services(session, container, events), await _ids(session)).write()
        container.bus.publish(events)
    return len(missing)


async def _add(session: AsyncSession, services: Services, reader: DemoReader, hashes: Hashes) -> None:
    draft = SignUpDraft(
        username=reader.username,
        email=f"{reader.username}@example.org",
        password=PASSWORD,
        display_name=reader.display_name,
        device=DeviceDraft(name=f"{reader.display_name.split()[0]}'s e-reader", platform="demo"),
    )
    signed_in = await services.accounts.sign_up(draft, hashes, Viewer())
    # Nobody has its token.
    await session.execute(delete(Session).where(Session.id == signed_in.session.id))
    for mark in reader.marks:
        await _mark(services, signed_in.viewer, mark)
    await session.execute(
        update(User)
        .where(User.id == signed_in.user.id)
        .values(
            bio=reader.bio,
            website_url=reader.website_url,
            is_private=reader.is_private,
            created_at=clock.now() - ACCOUNT_AGE,
        )
    )


async def _mark(services: Services, viewer: Viewer, mark: Mark) -> None:
    book = BOOKS[mark.book]
    added = await services.catalog.add(
        viewer, BookDraft(book.title, (book.author,), book.isbn, book.publisher, book.locations), None
    )
    percent = round(100 * mark.start / book.locations, 1) if book.locations else None
    anchor = Anchor(location_start=mark.start, location_end=mark.start + len(mark.text), percent=percent)
    draft = HighlightDraft(
        book=BookRef(isbn=added.isbn) if added.isbn else BookRef(named=NamedBook(book.title, (book.author,))),
        passage=Passage(mark.text, anchor),
        note=mark.note,
        color=mark.color,
        visibility=mark.visibility,
        created_at=clock.now() - timedelta(days=mark.days_ago, minutes=mark.start % 600),
    )
    await services.highlights.create(viewer, None, draft, None)


async def _follow(session: AsyncSession, readers: Iterable[DemoReader]) -> None:
    ids = await _ids(session)
    for reader in readers:
        for followed in reader.follows:
            pair = {"follower_id": ids[reader.username], "followed_id": ids[followed]}
            await session.execute(insert(Follow).values(pair).on_conflict_do_nothing())
    for user_id in ids.values():
        follows = select(func.count()).select_from(Follow)
        await session.execute(
            update(User)
            .where(User.id == user_id)
            .values(
                follower_count=follows.where(Follow.followed_id == user_id).scalar_subquery(),
                following_count=follows.where(Follow.follower_id == user_id).scalar_subquery(),
            )
        )


async def _ids(session: AsyncSession) -> Mapping[str, UUID]:
    names = [reader.username for reader in READERS]
    rows = await session.execute(select(func.lower(User.username), User.id).where(func.lower(User.username).in_(names)))
    return {name: user_id for name, user_id in rows}
