"""What the society of the privacy matrix is made of: plain data, with a canary in every text."""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.ids import global_id
from models.profiles import Visibility

CANARY = re.compile(r"qz\d{5}z")
NOT_WRITTEN = UUID(int=0)


class Canaries:
    """Texts that stand nowhere else, and what each is."""

    def __init__(self) -> None:
        self.meaning: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def new(self, meaning: str) -> str:
        """Make one; lower case, letters and digits only, so that no escaping and no folding changes it."""
        canary = f"qz{next(self._numbers):05d}z"
        self.meaning[canary] = meaning
        return canary


@dataclass(eq=False)
class Thing:
    """Something with an id of its own; its texts by the names of their GraphQL fields."""

    kind: str
    name: str
    texts: dict[str, Any] = field(default_factory=dict)
    key: UUID = NOT_WRITTEN

    @property
    def gid(self) -> str:
        """The public id."""
        return global_id(self.kind, self.key)


@dataclass(eq=False)
class Person(Thing):
    """An account."""

    username: str = ""
    email: str = ""
    private: bool = False
    shows: bool = True
    token: str = ""


@dataclass(eq=False)
class Volume(Thing):
    """A book."""

    public: bool = False
    isbn: str | None = None
    holders: set[str] = field(default_factory=set)


@dataclass(eq=False)
class Mark(Thing):
    """A highlight."""

    owner: Person = field(kw_only=True)
    book: Volume = field(kw_only=True)
    visibility: Visibility = field(kw_only=True)
    copy_of: "Mark | None" = None
    deleted: bool = False
    erased: bool = False


@dataclass(eq=False)
class Gadget(Thing):
    """A device."""

    owner: Person = field(kw_only=True)


@dataclass(eq=False)
class SignIn(Thing):
    """A session."""

    owner: Person = field(kw_only=True)
    device: Gadget | None = None


@dataclass(eq=False)
class Upload(Thing):
    """An import that has ended, with one book and one problem in its report."""

    owner: Person = field(kw_only=True)
    book: Volume = field(kw_only=True)


@dataclass(eq=False)
class Spot(Thing):
    """A position in a book, and the same as the one device told it."""

    owner: Person = field(kw_only=True)
    book: Volume = field(kw_only=True)
    device: Gadget = field(kw_only=True)
    furthest: int | None = None


@dataclass(eq=False)
class Paper(Thing):
    """A document of KOReader's, and the book it is."""

    owner: Person = field(kw_only=True)
    book: Volume = field(kw_only=True)


@dataclass(eq=False)
class Silence(Thing):
    """A mute, of exactly one target."""

    owner: Person = field(kw_only=True)
    person: Person | None = None
    book: Volume | None = None
    entry: "Entry | None" = None


@dataclass(eq=False)
class Entry(Thing):
    """A post; its quote, its picture and its hashtag are texts, too."""

    owner: Person = field(kw_only=True)
    visibility: Visibility = field(kw_only=True)
    book: Volume | None = None
    mark: Mark | None = None
    mentioned: list[Person] = field(default_factory=list)
    until: int | None = None
    deleted: bool = False
    liked_by: list[Person] = field(default_factory=list)
    reposted_by: list[Person] = field(default_factory=list)


@dataclass(eq=False)
class Remark(Thing):
    """A comment."""

    owner: Person = field(kw_only=True)
    entry: Entry = field(kw_only=True)
    parent: "Remark | None" = None
    until: int | None = None
    deleted: bool = False


@dataclass(eq=False)
class Complaint(Thing):
    """A report, of exactly one target."""

    owner: Person = field(kw_only=True)
    person: Person | None = None
    entry: Entry | None = None
    remark: Remark | None = None
