"""The posts of the society, what is said below them, and what is reported."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from core.ids import uuid7
from models import Comment
from models.profiles import Visibility
from tests.support.matrix_things import Complaint, Entry, Person, Remark, Silence, Spot
from tests.support.seeding import Seeder

if TYPE_CHECKING:
    from tests.support.matrix_world import World

CHAPTER = 10
"""How far one must have read for a secret of the shared book; `follower` is one location short of it, `mutual` there."""


def invent_posts(world: "World", friend: Person) -> None:
    """Invent posts of every kind, by each owner and by one whom everybody follows."""
    for name, furthest in (("follower", CHAPTER - 1), ("mutual", CHAPTER)):
        _let_read(world, world.people[name], furthest)
    for owner in world.owners:
        _posts_of(world, owner)
        _conversation(world, owner)
    for visibility in (Visibility.FOLLOWERS, Visibility.MUTUALS):
        _post(world, friend, visibility, visibility.value)
    _reports(world)
    loud = next(entry for entry in world.entries if entry.owner.name == "open_on")
    muter = world.people["muter"]
    world.mutes.append(Silence("Mute", "muter's thread", {"word": None}, owner=world.people["stranger"], entry=loud))
    world.mutes.append(Silence("Mute", "muter's own word", world.texts("muter.mute", "word"), owner=muter))


def _let_read(world: "World", reader: Person, furthest: int) -> None:
    device = next(one for one in world.devices if one.owner is reader)
    spot = Spot("ReadingPosition", f"{reader.name}.shared", owner=reader, book=world.shared, device=device)
    spot.texts, spot.furthest = world.texts(spot.name, "progress", "deviceName"), furthest
    world.spots.append(spot)


def _posts_of(world: "World", owner: Person) -> None:
    marks = {mark.visibility: mark for mark in world.marks if mark.owner is owner and not mark.copy_of}
    for visibility in Visibility:
        entry = _post(world, owner, visibility, visibility.value)
        # One less visible than the post: its highlight may have been closed since.
        entry.mark = marks[Visibility.FOLLOWERS]
        entry.book = entry.mark.book
        entry.liked_by = [world.people[name] for name in ("ex", "blocked", "mutual")]
    secret = _post(world, owner, Visibility.PUBLIC, "secret", until=CHAPTER)
    secret.book, secret.mark = world.shared, marks[Visibility.PUBLIC]
    deleted = _post(world, owner, Visibility.PUBLIC, "deleted post", deleted=True)
    deleted.book = world.shared
    deleted.liked_by = [world.people["ex"]]


def _post(world: "World", owner: Person, visibility: Visibility, what: str, **more: Any) -> Entry:
    entry = Entry("Post", f"{owner.name}'s {what}", owner=owner, visibility=visibility, **more)
    entry.texts = world.texts(entry.name, "text", "hashtags", "quote", "imageUrl")
    entry.mentioned = [world.people[name] for name in ("ex", "closed_on" if owner.name == "open_on" else "open_on")]
    if owner.name != "bystander":
        entry.reposted_by = [world.people["bystander"]]  # so that it comes by everybody's home feed
    world.entries.append(entry)
    return entry


def _conversation(world: "World", owner: Person) -> None:
    """Let others speak below a post of each kind: with a secret, between the blocked, below a comment that is gone."""
    for entry in [entry for entry in world.entries if entry.owner is owner]:
        if entry.until or entry.deleted or entry.visibility in (Visibility.PUBLIC, Visibility.FOLLOWERS):
            said = _remark(world, world.people["ex"], entry)
            _remark(world, world.people["blocked"], entry, parent=said)
    public = next(e for e in world.entries if e.owner is owner and e.visibility is Visibility.PUBLIC)
    secret = next(e for e in world.entries if e.owner is owner and e.until)
    gone = _remark(world, owner, public, deleted=True)
    _remark(world, world.people["blocker"], public, parent=gone)
    _remark(world, world.people["ex"], secret, until=CHAPTER)
    _remark(world, owner, secret, until=CHAPTER)


def _remark(world: "World", owner: Person, entry: Entry, **more: Any) -> Remark:
    remark = Remark("Comment", f"{owner.name} to {entry.name}, {len(world.remarks)}", owner=owner, entry=entry, **more)
    remark.texts = {"text": None} if remark.deleted else world.texts(remark.name, "text")
    world.remarks.append(remark)
    return remark


def _reports(world: "World") -> None:
    closed = next(entry for entry in world.entries if entry.name == "closed_on's FOLLOWERS")
    shut = next(r for r in world.remarks if r.entry.name == "closed_off's FOLLOWERS")
    for name, target in (("follower", {"entry": closed}), ("mutual", {"remark": shut})):
        _complain(world, world.people[name], **target)
    for owner in world.owners:
        _complain(world, owner, person=world.people["ex"])


def _complain(world: "World", owner: Person, **target: Any) -> None:
    complaint = Complaint("Report", f"{owner.name}'s report", owner=owner, **target)
    complaint.texts = world.texts(complaint.name, "text")
    world.complaints.append(complaint)


async def lay_posts(world: "World", seeder: Seeder) -> None:
    """Write it all into the tables."""
    for number, entry in enumerate(world.entries):
        await _lay_entry(seeder, entry, number)
    rows: dict[str, Comment] = {}
    for remark in world.remarks:
        parent = rows[remark.parent.name] if remark.parent else None
        if remark.deleted:
            row = Comment(id=uuid7(), post_id=remark.entry.key, user_id=remark.owner.key, deleted_at=datetime.now(UTC))
            await seeder.add(row)
        else:
            text, until = remark.texts["text"], remark.until
            key, owner = remark.entry.key, remark.owner.key
            row = await seeder.comment(key, owner, text, parent=parent, spoiler_until_location=until)
        rows[remark.name], remark.key = row, row.id
    for complaint in world.complaints:
        target = {
            "reported_user_id": complaint.person.key if complaint.person else None,
            "post_id": complaint.entry.key if complaint.entry else None,
            "comment_id": complaint.remark.key if complaint.remark else None,
        }
        complaint.key = (await seeder.report(complaint.owner.key, text=complaint.texts["text"], **target)).id


async def _lay_entry(seeder: Seeder, entry: Entry, number: int) -> None:
    row = await seeder.post(
        entry.owner.key,
        entry.texts["text"],
        tags=[entry.texts["hashtags"]],
        quote_text=entry.texts["quote"],
        image_key=f"{entry.texts['imageUrl']}.webp",
        visibility=entry.visibility,
        book_id=entry.book.key if entry.book else None,
        highlight_id=entry.mark.key if entry.mark else None,
        spoiler_until_location=entry.until,
        deleted_at=datetime.now(UTC) - timedelta(days=1, minutes=-number) if entry.deleted else None,
    )
    entry.key = row.id
    # As if it had been public a moment ago.
    await seeder.trend(row.id, score=float(-number))
    for position, person in enumerate(entry.mentioned):
        await seeder.mention(row.id, person.key, position)
    for person in entry.liked_by:
        await seeder.like(row.id, person.key)
    for person in entry.reposted_by:
        await seeder.repost(row.id, person.key)
