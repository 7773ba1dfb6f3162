"""A writer over tables in memory: the rules of the merge, without a database."""

from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar, cast
from uuid import UUID

from auth.viewer import Viewer
from core.events import Event
from models import Highlight
from models.profiles import Visibility
from repositories.highlights import HighlightRepository
from repositories.sync import SyncRepository
from services.catalog import BookRef
from services.sync.drafts import (
    Anchor,
    Change,
    Create,
    Delete,
    Edit,
    HighlightDraft,
    HighlightPatch,
    Op,
    Passage,
    Restore,
)
from services.sync.merge import Register
from services.sync.writer import Applied, Defaults, HighlightWriter

READER, OTHER_READER = UUID(int=1), UUID(int=2)
PHONE, TABLET, KINDLE = UUID(int=0xA), UUID(int=0xB), UUID(int=0xC)
BOOK = UUID(int=0xBB)
THE = UUID(int=0x100)
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)

Answer = TypeVar("Answer")


def at(minutes: float) -> datetime:
    """Tell a moment after noon."""
    return NOON + timedelta(minutes=minutes)


def passage(text: str, start: int | None = None) -> Passage:
    """Make a passage, placed or not."""
    return Passage(text, Anchor() if start is None else Anchor(start, start + len(text)))


def create(text: str = "first words", **more: Any) -> Create:
    """Make a create."""
    return Create(HighlightDraft(BookRef(isbn="x"), passage(text), **more))


def edit(**registers: Any) -> Edit:
    """Make an edit; a passage may be given as its text."""
    words = registers.get("passage")
    return Edit(HighlightPatch(**registers | ({"passage": passage(words)} if isinstance(words, str) else {})))


DELETE, RESTORE = Delete(), Restore()


class _Tables:
    """What the two repositories share."""

    def __init__(self) -> None:
        self.rows: dict[UUID, Highlight] = {}
        self.seq = 0
        self.saves = 0

    async def known(self, highlight_id: UUID) -> Highlight | None:
        return self.rows.get(highlight_id)

    async def add(self, row: Highlight) -> Highlight:
        assert row.id not in self.rows
        self.rows[row.id] = row
        return row

    async def save(self) -> None:
        self.saves += 1

    async def next_seq(self, _: UUID) -> int:
        self.seq += 1
        return self.seq


class Shelf:
    """One reader's highlights, and the writer that changes them."""

    def __init__(self) -> None:
        self._tables = _Tables()
        self.events: list[Event] = []
        highlights = cast("HighlightRepository", self._tables)
        sync = cast("SyncRepository", self._tables)
        self._writer = HighlightWriter(highlights, sync, self.events, undo_days=30)
        self._ops = 0

    @property
    def seq(self) -> int:
        """The counter."""
        return self._tables.seq

    @property
    def rows(self) -> dict[UUID, Highlight]:
        """All rows, tombstones too."""
        return self._tables.rows

    @property
    def the(self) -> Highlight:
        """The one highlight that most tests are about."""
        return self.rows[THE]

    def do(
        self,
        change: Change,
        *,
        by: UUID = PHONE,
        when: datetime = NOON,
        based_on: int | None = None,
        to: UUID = THE,
        op_id: UUID | None = None,
        reader: UUID = READER,
    ) -> Applied:
        """Apply one operation of a device."""
        self._ops += 1
        op = Op(op_id or UUID(int=0x1000 + self._ops), to, when, based_on, change)
        work = self._writer.apply(
            Viewer(user_id=reader),
            op,
            writer_id=by,
            device_id=by,
            book_id=BOOK if isinstance(change, Create) else None,
            defaults=Defaults(Visibility.PRIVATE),
        )
        return _done(work)

    def erase(self) -> None:
        """Take the content away, as time does."""
        self.the.text, self.the.note, self.the.erased_at = "", None, at(60 * 24 * 31)

    def registers(self, key: UUID = THE) -> dict[str, object]:
        """Read what the five registers say."""
        row = self.rows[key]
        said: dict[str, object] = {
            name: getattr(row, name) for name in ("text", "location_start", "note", "color", "visibility")
        }
        return said | {"alive": row.deleted_at is None}

    def stamps(self, key: UUID = THE) -> dict[str, object]:
        """Read when and by whom each register was last edited."""
        row = self.rows[key]
        return {r.value: (getattr(row, f"{r.value}_at"), getattr(row, f"{r.value}_device_id")) for r in Register}


def _done(work: Coroutine[Any, Any, Answer]) -> Answer:
    """Run what never waits: the tables are in memory."""
    try:
        work.send(None)
    except StopIteration as stop:
        answer: Answer = stop.value
        return answer
    raise AssertionError("it waited for something")
