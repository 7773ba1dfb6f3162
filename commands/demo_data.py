"""The demo data: readers, books and passages, all invented for this purpose."""

from dataclasses import dataclass

PASSWORD = "open-the-book"  # noqa: S105 - printed by `run` for everybody; `seed` refuses production for that reason
DEMO_READER = "mara"


@dataclass(frozen=True)
class DemoBook:
    """A book; without an ISBN it is nobody's business but its readers', until there are enough of them."""

    title: str
    author: str
    isbn: str | None = None
    publisher: str | None = None
    locations: int | None = None


@dataclass(frozen=True)
class Mark:
    """A highlight: where, in which colour, with what note, how long ago, seen by whom."""

    book: str
    start: int
    text: str
    color: str = "YELLOW"
    note: str | None = None
    days_ago: int = 10
    visibility: str = "FOLLOWERS"


@dataclass(frozen=True)
class DemoReader:
    """A reader with an account, and what they marked."""

    username: str
    display_name: str
    bio: str
    marks: tuple[Mark, ...]
    website_url: str | None = None
    is_private: bool = False
    follows: tuple[str, ...] = ()


BOOKS = {
    "ledger": DemoBook(
        "The Lighthouse Ledger", "Ida Marsh", isbn="9781402894626", publisher="Harbour & Daughters", locations=5_200
    ),
    "bees": DemoBook(
        "A Grammar of Bees", "Tobias Fenn", isbn="9780306406157", publisher="Clover Lane", locations=3_900
    ),
    "north": DemoBook("North of the Kitchen", "Renske Vaal", isbn="9783161484100", locations=2_750),
    "maps": DemoBook("Maps for People Who Stay", "Odalys Quint", locations=4_100),
    "notebook": DemoBook("Workshop Notes, Winter Term", "M. Lindqvist"),
}
"""Three with an ISBN; `maps` without one, public because five readers have it; `notebook` is one reader's own document."""

LAMP = "The lamp does not ask who is at sea. It burns, and the asking is done by others."
STAY = "A map for somebody who stays is a list of promises, drawn to scale."

READERS = (
    DemoReader(
        "mara",
        "Mara Okonjo",
        "Reads on trains. Collects sentences about weather and work.",
        (
            Mark("ledger", 410, LAMP, "YELLOW", "Read this one aloud at the workshop.", 41, "PUBLIC"),
            Mark("ledger", 1_288, "He wrote the tide into the left column and his brother into the right.", "BLUE"),
            Mark(
                "ledger",
                2_036,
                "Salt keeps, and keeps accounts; nothing else on the island was so exact.",
                "PINK",
                "Compare with the kitchen chapter in Vaal.",
                39,
            ),
            Mark("bees", 96, "A swarm is a sentence that has not yet chosen its verb.", "ORANGE", None, 27, "PUBLIC"),
            Mark(
                "bees",
                731,
                "Whoever has been stung twice in the same spot begins to believe in punctuation.",
                "GREEN",
                "Funny, and true. 🐝",
                26,
            ),
            Mark("north", 55, "My grandmother salted the soup as other people lock a door.", "YELLOW", None, 18),
            Mark("maps", 1_502, STAY, "BLUE", "For the flyleaf of the atlas.", 9, "PUBLIC"),
            Mark(
                "notebook",
                12,
                "Week 3: cut the opening paragraph. The story starts when the kettle is already cold.",
                "PINK",
                "Ask about this on Thursday.",
                4,
                "PRIVATE",
            ),
        ),
        website_url="https://example.org/mara",
        follows=("jonas", "ilse", "priya"),
    ),
    DemoReader(
        "jonas",
        "Jonas Weber",
        "Beekeeper, second-hand bookseller, slow reader.",
        (
            Mark("bees", 96, "A swarm is a sentence that has not yet chosen its verb.", "YELLOW", None, 60, "PUBLIC"),
            Mark("bees", 1_204, "The drone is the only honest critic: he leaves before winter.", "GREEN", None, 58),
            Mark("ledger", 410, LAMP, "BLUE", "Customers ask for this line.", 33, "PUBLIC"),
            Mark("maps", 1_502, STAY, "YELLOW", None, 15),
        ),
        follows=("mara", "ilse"),
    ),
    DemoReader(
        "ilse",
        "Ilse Brandt",
        "Translates cookbooks and sea stories. Mostly at night.",
        (
            Mark(
                "north", 55, "My grandmother salted the soup as other people lock a door.", "PINK", None, 71, "PUBLIC"
            ),
            Mark(
                "north",
                1_830,
                "We ate standing up, like people who expect a letter.",
                "ORANGE",
                "How to keep the comma in German?",
                70,
            ),
            Mark("ledger", 410, LAMP, "YELLOW", None, 52, "PUBLIC"),
            Mark("maps", 230, "He had folded the country so often that two cities touched.", "GREEN", None, 12),
            Mark("maps", 1_502, STAY, "PINK", None, 12),
        ),
        follows=("mara",),
    ),
    DemoReader(
        "tomasz",
        "Tomasz Zieliński",
        "Żeglarz i czytelnik. Sea charts, small boats, long novels.",
        (
            Mark("ledger", 410, LAMP, "ORANGE", None, 24, "PUBLIC"),
            Mark("ledger", 3_377, "Fog is only distance that has lost its patience.", "BLUE", "Dobre!", 23, "PUBLIC"),
            Mark("maps", 1_502, STAY, "GREEN", None, 8),
        ),
        follows=("mara", "jonas"),
    ),
    DemoReader(
        "priya",
        "Priya Raman",
        "Two book clubs, one library card, no regrets.",
        (
            Mark("ledger", 410, LAMP, "PINK", "Book club: who is 'others'?", 20, "PUBLIC"),
            Mark("north", 1_830, "We ate standing up, like people who expect a letter.", "YELLOW", None, 14),
            Mark("maps", 1_502, STAY, "ORANGE", None, 5),
        ),
        follows=("mara", "tomasz"),
    ),
    DemoReader(
        "quietreader",
        "Quiet Reader",
        "Only for friends.",
        (
            Mark(
                "north",
                402,
                "A pantry is a library whose books one may finish.",
                "BLUE",
                "Mine alone.",
                30,
                "FOLLOWERS",
            ),
            Mark("ledger", 410, LAMP, "GREEN", None, 29, "FOLLOWERS"),
        ),
        is_private=True,
        follows=("ilse",),
    ),
)
