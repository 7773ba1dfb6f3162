"""A small society with secrets: four owners, every kind of viewer to each of them, and a canary in every text.

Plain data, and the code that writes it into the database; who may see what is told in `matrix_oracle`.
"""

from datetime import timedelta
from typing import Any

from core.database import Database
from models.imports import ImportState
from models.profiles import Role, Visibility
from tests.support.matrix_posts import invent_posts, lay_posts
from tests.support.matrix_things import (
    Canaries,
    Complaint,
    Entry,
    Gadget,
    Mark,
    Paper,
    Person,
    Remark,
    SignIn,
    Silence,
    Spot,
    Upload,
    Volume,
)
from tests.support.seeding import START, Seeder

OWNERS = {
    "open_on": (False, True),
    "open_off": (False, False),
    "closed_on": (True, True),
    "closed_off": (True, False),
}
"""(private account, showHighlightsToFollowers)"""
VIEWERS = ("stranger", "follower", "ex", "pending", "mutual", "blocked", "blocker", "muter", "moderator")


class World:
    """All of it."""

    def __init__(self) -> None:
        self.canaries = Canaries()
        self.people: dict[str, Person] = {}
        self.books: list[Volume] = []
        self.marks: list[Mark] = []
        self.devices: list[Gadget] = []
        self.sessions: list[SignIn] = []
        self.imports: list[Upload] = []
        self.spots: list[Spot] = []
        self.papers: list[Paper] = []
        self.entries: list[Entry] = []
        self.remarks: list[Remark] = []
        self.complaints: list[Complaint] = []
        self.follows: set[tuple[str, str]] = set()
        self.requests: set[tuple[str, str]] = set()
        self.blocks: set[tuple[str, str]] = set()
        self.mutes: list[Silence] = []
        self._invent()

    @property
    def owners(self) -> list[Person]:
        """Those who have something to hide."""
        return [self.people[name] for name in OWNERS]

    def token(self, name: str) -> str | None:
        """Name the viewer's token; none for the anonymous one."""
        return self.people[name].token if name in self.people else None

    # --- inventing ---

    def texts(self, about: str, *names: str) -> dict[str, Any]:
        """Make a canary for each text of a thing."""
        return {name: self.canaries.new(f"{about}.{name}") for name in names}

    def _invent(self) -> None:
        for name, (private, shows) in OWNERS.items():
            self._person(name, private=private, shows=shows)
        for name in VIEWERS:
            self._person(name, private=False, shows=True)
        self.shared = self._volume("shared", isbn="9780306406157", public=True)
        self._volume("few", holders={"follower", "stranger", "open_on"})
        friend = self._befriend_everybody("bystander")
        self.hidden = self._volume("of the moderator", holders={"moderator"})
        for owner in self.owners:
            self._belongings(owner)
        for owner_name in OWNERS:
            self._relations(owner_name)
        invent_posts(self, friend)

    def _person(self, name: str, *, private: bool, shows: bool) -> None:
        person = Person("User", name, username=f"{name}_m", private=private, shows=shows)
        person.texts = self.texts(name, "displayName", "bio", "websiteUrl")
        person.email = f"{self.canaries.new(f'{name}.email')}@example.org"
        self.people[name] = person
        device = Gadget("Device", f"{name}.device", self.texts(f"{name}.device", "name", "platform"), owner=person)
        self.devices.append(device)
        self.sessions.append(SignIn("Session", f"{name}.session", owner=person, device=device))

    def _volume(self, name: str, **more: Any) -> Volume:
        texts = self.texts(f"book {name}", "title", "publisher")
        book = Volume("Book", name, texts, **more)
        texts["authors"] = [self.canaries.new(f"book {name}.authors")]
        self.books.append(book)
        return book

    def _belongings(self, owner: Person) -> None:
        for visibility in Visibility:
            own_book = self._volume(f"{owner.name}.{visibility}", holders={owner.name})
            mark = self._mark(owner, own_book, visibility, visibility.value)
            self._mark(owner, self.shared, Visibility.PUBLIC, f"copy of {visibility}", copy_of=mark)
        gone = self._volume(f"{owner.name}.deleted", holders={owner.name})
        self._mark(owner, gone, Visibility.PUBLIC, "deleted", deleted=True)
        self._mark(owner, gone, Visibility.PUBLIC, "erased", deleted=True, erased=True)
        for name, book in (("import", gone), ("dry run of a stranger's book", self.hidden)):
            upload = Upload("Import", f"{owner.name}.{name}", owner=owner, book=book)
            upload.texts = self.texts(upload.name, "error", "title", "message")
            self.imports.append(upload)

        device = next(one for one in self.devices if one.owner is owner)
        spot = Spot("ReadingPosition", f"{owner.name}.position", owner=owner, book=gone, device=device)
        spot.texts = self.texts(spot.name, "progress", "deviceName")
        self.spots.append(spot)
        paper = Paper("Document", f"{owner.name}.document", owner=owner, book=gone)
        paper.texts = self.texts(paper.name, "digest", "filename", "title", "authors", "progress", "deviceName")
        self.papers.append(paper)

    def _mark(self, owner: Person, book: Volume, visibility: Visibility, what: str, **more: Any) -> Mark:
        mark = Mark("Highlight", f"{owner.name}.{what}", owner=owner, book=book, visibility=visibility, **more)
        names = ("text", "prefix", "suffix", "cfi", "page", "note")
        mark.texts = dict.fromkeys(names) | {"text": ""} if mark.erased else self.texts(mark.name, *names)
        self.marks.append(mark)
        return mark

    def _relations(self, owner: str) -> None:
        self.follows |= {(name, owner) for name in ("follower", "mutual", "muter", "blocked", "blocker")}
        self.follows |= {(owner, name) for name in ("ex", "mutual", "blocked", "blocker")}
        self.requests.add(("pending", owner))
        self.blocks |= {(owner, "blocked"), ("blocker", owner)}
        muter, person = self.people["muter"], self.people[owner]
        self.mutes.append(Silence("Mute", f"muter of {owner}", {"word": None}, owner=muter, person=person))
        self.mutes.append(Silence("Mute", f"{owner}.muted word", self.texts(f"{owner}.mute", "word"), owner=person))
        own_book = next(book for book in self.books if book.holders == {owner})
        self.mutes.append(Silence("Mute", f"{owner}.muted book", {"word": None}, owner=person, book=own_book))
        self.mutes.append(Silence("Mute", f"{owner}.muted", {"word": None}, owner=person, person=self.people["ex"]))

    def _befriend_everybody(self, name: str) -> Person:
        """Add one whom everybody follows: who follows this one must gain nothing from it elsewhere."""
        self._person(name, private=True, shows=True)
        friend = self.people[name]
        for visibility in (Visibility.MUTUALS, Visibility.FOLLOWERS):
            self._mark(friend, self.shared, visibility, visibility.value)
        others = set(self.people) - {name}
        self.follows |= {(other, name) for other in others} | {(name, other) for other in others}
        return friend

    # --- writing ---

    async def lay(self, database: Database) -> None:
        """Write it all into the tables."""
        async with database.writing() as session:
            seeder = Seeder(session)
            for person in self.people.values():
                await self._lay_person(seeder, person)
            await self._lay_belongings(seeder)
            await lay_posts(self, seeder)
            await self._lay_relations(seeder)

    async def _lay_person(self, seeder: Seeder, person: Person) -> None:
        row = await seeder.user(
            person.username,
            email=person.email,
            display_name=person.texts["displayName"],
            bio=person.texts["bio"],
            website_url=person.texts["websiteUrl"],
            is_private=person.private,
            show_highlights_to_followers=person.shows,
            role=Role.MODERATOR if person.name == "moderator" else Role.READER,
        )
        person.key = row.id

    async def _lay_belongings(self, seeder: Seeder) -> None:
        for device in self.devices:
            device.key = (await seeder.device(device.owner.key, **device.texts)).id
        for signed_in in self.sessions:
            device_id = signed_in.device.key if signed_in.device else None
            row, signed_in.owner.token = await seeder.session(signed_in.owner.key, device_id)
            signed_in.key = row.id
        for book in self.books:
            await self._lay_book(seeder, book)
        for mark in self.marks:
            await self._lay_mark(seeder, mark)
        for upload in self.imports:
            await self._lay_import(seeder, upload)
        for spot in self.spots:
            await self._lay_spot(seeder, spot)
        for paper in self.papers:
            texts = {"device" if name == "deviceName" else name: text for name, text in paper.texts.items()}
            paper.key = (await seeder.document(paper.owner.key, book_id=paper.book.key, **texts)).id

    async def _lay_book(self, seeder: Seeder, book: Volume) -> None:
        texts = book.texts
        row = await seeder.book(
            texts["title"], tuple(texts["authors"]), publisher=texts["publisher"], isbn=book.isbn, is_public=book.public
        )
        book.key = row.id
        for name in sorted(book.holders):
            await seeder.hold(self.people[name].key, row.id)

    async def _lay_import(self, seeder: Seeder, upload: Upload) -> None:
        row = await seeder.import_(upload.owner.key, error=upload.texts["error"], state=ImportState.FAILED)
        await seeder.import_book(row.id, title=upload.texts["title"], book_id=upload.book.key)
        await seeder.import_problem(row.id, message=upload.texts["message"])
        upload.key = row.id

    async def _lay_spot(self, seeder: Seeder, spot: Spot) -> None:
        told: dict[str, Any] = {"furthest_location": spot.furthest} if spot.furthest is not None else {}
        told |= {"progress": spot.texts["progress"], "device_name": spot.texts["deviceName"]}
        spot.key = (await seeder.position(spot.owner.key, spot.book.key, spot.device.key, **told)).id

    async def _lay_mark(self, seeder: Seeder, mark: Mark) -> None:
        life = {"deleted_at": START, "restorable_until": START + timedelta(days=9_000)} if mark.deleted else {}
        row = await seeder.highlight(
            mark.owner.key,
            mark.book.key,
            visibility=mark.visibility,
            conflict_of=mark.copy_of.key if mark.copy_of else None,
            erased_at=START if mark.erased else None,
            **mark.texts,
            **life,
        )
        mark.key = row.id

    async def _lay_relations(self, seeder: Seeder) -> None:
        key = {name: person.key for name, person in self.people.items()}
        for follower, followed in sorted(self.follows):
            await seeder.follow(key[follower], key[followed])
        for follower, followed in sorted(self.requests):
            await seeder.follow_request(key[follower], key[followed])
        for blocker, blocked in sorted(self.blocks):
            await seeder.block(key[blocker], key[blocked])
        for mute in self.mutes:
            row = await seeder.mute(
                mute.owner.key,
                muted_user_id=mute.person.key if mute.person else None,
                muted_book_id=mute.book.key if mute.book else None,
                muted_post_id=mute.entry.key if mute.entry else None,
                word=mute.texts["word"],
            )
            mute.key = row.id
