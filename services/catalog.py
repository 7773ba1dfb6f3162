"""Books: which two are the same, finding or making one, who may ask for it."""

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from auth.viewer import Viewer
from core.errors import AppError, Invalid, NotFound, Problems
from core.ids import read_id, uuid7
from core.pagination import Page
from core.text import fold, is_storable
from models import Book
from repositories.catalog import BY_TITLE, BookFilter, BookRepository
from repositories.locks import Locks
from services.idempotency import IdempotencyService

TITLE_LENGTH, AUTHOR_LENGTH, AUTHORS, PUBLISHER_LENGTH = 500, 200, 20, 200
_SUFFIXES = {"jr", "sr", "ii", "iii", "iv"}
NO_BOOK = "There is no such book."


@dataclass(frozen=True, slots=True)
class NamedBook:
    """A book by title and authors."""

    title: str
    authors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class BookRef:
    """A book by exactly one of: public id, ISBN, name."""

    id: str | None = None
    isbn: str | None = None
    named: NamedBook | None = None


@dataclass(frozen=True, slots=True)
class BookDraft:
    """What is told about a book that is added."""

    title: str
    authors: tuple[str, ...]
    isbn: str | None = None
    publisher: str | None = None
    total_locations: int | None = None


def read_isbn(value: str) -> str:
    """Read an ISBN-10 or -13 into its 13 digits; raise Invalid when the check digit does not fit."""
    digits = re.sub(r"[\s\u2010-\u2015-]", "", value).upper()
    if re.fullmatch(r"\d{9}[\dX]", digits, re.ASCII):
        weighted = sum((10 - i) * (10 if d == "X" else int(d)) for i, d in enumerate(digits))
        if weighted % 11 == 0:
            stem = "978" + digits[:9]
            return stem + str(-_ean_sum(stem) % 10)
    elif re.fullmatch(r"97[89]\d{10}", digits, re.ASCII) and _ean_sum(digits) % 10 == 0:
        return digits
    raise Invalid("This is not a valid ISBN: check its digits.", "isbn")


def _ean_sum(digits: str) -> int:
    return sum(int(d) * (3 if i % 2 else 1) for i, d in enumerate(digits))


def match_key(title: str, authors: Iterable[str]) -> str:
    """Hash what makes two books the same: the title's letters and digits, and the first author's last name."""
    first = unicodedata.normalize("NFKC", next(iter(authors), ""))
    words = [w for w in first.split(",")[0].split() if fold(w) not in _SUFFIXES]
    name = f"{fold(title) or title.strip().casefold()}|{fold(words[-1]) if words else ''}"
    return hashlib.sha256(name.encode()).hexdigest()


class CatalogService:
    """Find, make and list books."""

    def __init__(self, books: BookRepository, locks: Locks, idempotency: IdempotencyService, *, floor: int) -> None:
        self._books = books
        self._locks = locks
        self._idempotency = idempotency
        self._floor = floor

    async def find(self, viewer: Viewer, ref: BookRef) -> Book | None:
        """Find a book that the viewer may ask for; None when absent or not to be seen."""
        if ref.id is not None:
            key = read_id(ref.id, "Book", "id")
            return (await self._books.visible(viewer, [key])).get(key)
        if ref.isbn is not None:
            return await self._books.visible_by_isbn(viewer, read_isbn(ref.isbn))
        named = _checked(ref)
        return await self._books.visible_by_key(viewer, match_key(named.title, named.authors))

    async def page(self, viewer: Viewer, wanted: BookFilter, first: int | None, after: str | None) -> Page[Book]:
        """List books that the viewer may ask for, by title."""
        return await self._books.page(viewer, wanted, BY_TITLE.request(first, after))

    async def add(self, viewer: Viewer, draft: BookDraft, key: str | None) -> Book:
        """Find the same book, or make it, and let the viewer hold it; races end with one book."""

        async def again(book_id: UUID) -> Book | None:
            return (await self._books.visible(viewer, [book_id])).get(book_id)

        user_id = viewer.require()
        return await self._idempotency.once_for(
            viewer, "addBook", key, draft, work=lambda: self._add(user_id, draft), id_of=lambda b: b.id, again=again
        )

    async def _add(self, user_id: UUID, draft: BookDraft) -> Book:
        isbn = _check_draft(draft)
        key = match_key(draft.title, draft.authors)
        await self._locks.book_names(_names(isbn, key))
        book = await self._find_or_make(draft, isbn, key)
        await self._hold_all(user_id, [book])
        return book

    async def _find_or_make(self, draft: BookDraft, isbn: str | None, key: str) -> Book:
        book = await self._same(isbn, key)
        if book is None:
            book = await self._make(NamedBook(draft.title, draft.authors), isbn)
        elif isbn and book.isbn is None:
            await self._books.give_isbn(book, isbn)
        await self._books.fill(book, publisher=draft.publisher, total_locations=draft.total_locations)
        return book

    async def add_all(self, viewer: Viewer, drafts: Iterable[BookDraft]) -> Mapping[BookDraft, Book | AppError]:
        """Find or make books as `add` does, with all their locks in one order; a draft that is refused is answered with its refusal."""
        user_id = viewer.require()
        found: dict[BookDraft, Book | AppError] = {}
        checked: dict[BookDraft, tuple[str | None, str]] = {}
        for draft in dict.fromkeys(drafts):
            try:
                checked[draft] = _check_draft(draft), match_key(draft.title, draft.authors)
            except AppError as error:
                found[draft] = error
        await self._locks.book_names(name for isbn, key in checked.values() for name in _names(isbn, key))
        for draft, (isbn, key) in checked.items():
            found[draft] = await self._find_or_make(draft, isbn, key)
        await self._hold_all(user_id, [book for book in found.values() if isinstance(book, Book)])
        return found

    async def known_drafts(self, drafts: Iterable[BookDraft]) -> Mapping[BookDraft, Book | AppError | None]:
        """Find the books that `add_all` would find, making none."""
        found: dict[BookDraft, Book | AppError | None] = {}
        for draft in dict.fromkeys(drafts):
            try:
                found[draft] = await self._same(_check_draft(draft), match_key(draft.title, draft.authors))
            except AppError as error:
                found[draft] = error
        return found

    async def resolve(self, viewer: Viewer, refs: Iterable[BookRef]) -> Mapping[BookRef, Book | AppError]:
        """Find, or make by name, the books that highlights are about, and let the viewer hold them.

        Takes all locks that this needs in one order, so that two batches never wait for each other in a circle. A reference that
        cannot be resolved is answered with its refusal, for its own highlight to report.
        """
        user_id = viewer.require()
        wanted = dict.fromkeys(refs)
        found = {ref: book for ref, book in (await self.known(viewer, wanted)).items() if book is not None}
        missing = {
            ref: match_key(ref.named.title, ref.named.authors) for ref in wanted if ref.named and ref not in found
        }
        await self._locks.book_names(missing.values())
        for ref, key in sorted(missing.items(), key=lambda item: item[1]):
            named = _checked(ref)
            found[ref] = await self._books.known_by_key(key) or await self._make(named, None)
        for ref in wanted:
            found.setdefault(ref, NotFound(NO_BOOK))
        await self._hold_all(user_id, [book for book in found.values() if isinstance(book, Book)])
        return found

    async def known(self, viewer: Viewer, refs: Iterable[BookRef]) -> Mapping[BookRef, Book | AppError | None]:
        """Find books to write about, making none: None for one that is not there, its refusal for a reference that is wrong."""
        found: dict[BookRef, Book | AppError | None] = {}
        for ref in dict.fromkeys(refs):
            try:
                found[ref] = await self._known(viewer, ref)
            except AppError as error:
                found[ref] = error
        return found

    async def _known(self, viewer: Viewer, ref: BookRef) -> Book | None:
        if ref.id is not None:
            key = read_id(ref.id, "Book", "id")
            return (await self._books.visible(viewer, [key])).get(key)
        if ref.isbn is not None:
            return await self._books.known_by_isbn(read_isbn(ref.isbn))
        named = _checked(ref)
        return await self._books.known_by_key(match_key(named.title, named.authors))

    async def _same(self, isbn: str | None, key: str) -> Book | None:
        if isbn is None:
            return await self._books.known_by_key(key)
        return await self._books.known_by_isbn(isbn) or await self._books.known_by_key(key, without_isbn=True)

    async def _make(self, named: NamedBook, isbn: str | None) -> Book:
        return await self._books.add(
            Book(
                id=uuid7(),
                title=named.title.strip(),
                authors=[author.strip() for author in named.authors],
                match_key=match_key(named.title, named.authors),
                isbn=isbn,
                is_public=isbn is not None,
            )
        )

    async def _hold_all(self, user_id: UUID, books: Iterable[Book]) -> None:
        by_id = {book.id: book for book in books}
        new = await self._books.not_held(user_id, by_id)
        await self._locks.books(key for key in new if not by_id[key].is_public)
        for key in sorted(new):
            await self._books.hold(user_id, by_id[key], floor=self._floor)


def _names(isbn: str | None, key: str) -> list[str]:
    return [key, *([isbn] if isbn else [])]


def _checked(ref: BookRef) -> NamedBook:
    if ref.named is None:
        raise Invalid("Name the book by exactly one of id, isbn and named.")
    problems = Problems()
    _check_name(problems, ref.named.title, ref.named.authors, "named")
    problems.raise_any()
    return ref.named


def _check_name(problems: Problems, title: str, authors: tuple[str, ...], *path: str) -> None:
    problems.check(title.strip(), "A book needs a title.", *path, "title")
    problems.check(len(title) <= TITLE_LENGTH, f"A title has at most {TITLE_LENGTH} characters.", *path, "title")
    problems.check(is_storable(title), "The title has a character that cannot be stored.", *path, "title")
    problems.check(len(authors) <= AUTHORS, f"A book has at most {AUTHORS} authors.", *path, "authors")
    for author in authors:
        good = author.strip() and len(author) <= AUTHOR_LENGTH and is_storable(author)
        problems.check(good, f"An author's name has 1 to {AUTHOR_LENGTH} characters.", *path, "authors")


def _check_draft(draft: BookDraft) -> str | None:
    problems = Problems()
    _check_name(problems, draft.title, draft.authors)
    publisher = draft.publisher or ""
    good = len(publisher) <= PUBLISHER_LENGTH and is_storable(publisher)
    problems.check(good, f"A publisher's name has at most {PUBLISHER_LENGTH} characters.", "publisher")
    good = draft.total_locations is None or draft.total_locations > 0
    problems.check(good, "A book has at least one location.", "totalLocations")
    isbn = None
    try:
        isbn = read_isbn(draft.isbn) if draft.isbn is not None else None
    except Invalid as error:
        problems.add(str(error), "isbn")
    problems.raise_any()
    return isbn
