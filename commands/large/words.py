"""A small grammar of our own: sentences, titles and names nobody wrote."""

# ruff: noqa: SIM905 - lists of words are read and added to as words

from functools import cache
from random import Random

from core.text import words_of

FIRST = (
    "Ines Tobias Renske Odalys Mara Halim Petra Soren Yuki Amadou Linnea Casimir Noor Elio Wanda Ruben Tamsin Idris Freya "
    "Mateo Saskia Anton Leila Bram Oriel Davit Zofia Emeka Clea Jonas Mirela Kofi Astrid Pavel Rhea Silvan Thea Umar Vera Willem"
).split()
LAST = (
    "Haddock Fenn Vaal Quint Marsh Okonjo Lindqvist Brook Tarn Osei Kestrel Winter Holm Sedge Pike Larch Moss Rook Weir Thorne "
    "Alder Birch Crane Dunn Ember Frost Gale Heron Ivers Juniper Knoll Lark Mistral Nettle Otter Plover Quarry Reed Stone Teal"
).split()
THINGS = (
    "lamp tide ledger map kitchen orchard letter harbour winter clock stair river bridge garden window engine island coat "
    "market bell quarry ferry attic almanac compass thread lantern meadow cellar signal"
).split()
QUALITIES = (
    "quiet patient crooked second unfinished bright borrowed northern small late faithful hollow careful salted ordinary "
    "distant honest folded early forgotten"
).split()
DEEDS = (
    "keeps,counts,forgets,answers,mends,carries,lends,measures,outlives,follows,remembers,hides,returns,waits for,"
    "argues with,listens to,belongs to,opens"
).split(",")
OPENINGS = (
    "I keep thinking that",
    "On page after page",
    "Nobody told me that",
    "Halfway through and",
    "It turns out that",
    "What stays with me:",
    "Read it twice, and still",
    "My favourite line so far:",
    "By the last chapter",
    "Slowly, and without fuss,",
    "Not sure I agree, but",
    "The narrator insists that",
)
CLOSINGS = (
    "and I would not change a word.",
    "which is more than I can say for the ending.",
    "so I am starting over.",
    "and the rest follows from that.",
    "though the author denies it.",
    "and then it rains for forty pages.",
    "as anybody who has moved house will know.",
    "and that is the whole plot.",
    "but the footnotes disagree.",
    "and I missed my stop.",
)
REPLIES = (
    "That is how I read it too.",
    "Are we sure about this?",
    "Wait for the next part.",
    "You have talked me into it.",
    "I marked the same line.",
    "Not in my edition.",
    "This made my morning.",
    "Somebody had to say it.",
)
TOPICS = (
    "slowreading marginalia nightshelf firstlines rereading letters islands weather maps kitchens trains unfinished "
    "translations smallpress memoir essays poems footnotes endings openings"
).split()
FORMS = (
    "A Grammar of {}",
    "The {} {}",
    "{} and {}",
    "Notes on the {} {}",
    "North of the {}",
    "Maps for {}",
    "{} Hours",
)


def name(chance: Random) -> tuple[str, str]:
    """Draw a first and a last name."""
    return chance.choice(FIRST), chance.choice(LAST)


def title(chance: Random, number: int) -> str:
    """Make a title that no other number has."""
    form = chance.choice(FORMS)
    words = [chance.choice(QUALITIES), chance.choice(THINGS)][-form.count("{}") :]
    return f"{form.format(*(word.title() for word in words))}, No. {number}"


def tag(number: int) -> str:
    """Name a hashtag; the lower its number, the better known."""
    turn, topic = divmod(number, len(TOPICS))
    return TOPICS[topic] + (str(turn + 1) if turn else "")


def claim(chance: Random) -> str:
    """Say something of something."""
    return f"{_something(chance)} {chance.choice(DEEDS)} {_something(chance)}"


def _something(chance: Random) -> str:
    return f"the {chance.choice(QUALITIES)} {chance.choice(THINGS)}"


def remark(chance: Random) -> list[str]:
    """Say something about a book, in pieces of whole words."""
    return [chance.choice(OPENINGS), *claim(chance).split(), chance.choice(CLOSINGS)]


def reply(chance: Random) -> list[str]:
    """Answer somebody, in pieces of whole words."""
    said = [chance.choice(REPLIES)]
    return said if chance.random() < 0.5 else [*said, "Because", *claim(chance).split(), chance.choice(CLOSINGS)]  # noqa: PLR2004


def passage(chance: Random) -> str:
    """Make a passage of a book."""
    return ". ".join(f"{claim(chance)} and {claim(chance)}".capitalize() for _ in range(chance.randint(1, 3))) + "."


def words(pieces: list[str]) -> str:
    """Spell the words of a text as `words_of` does: pieces come again and again, and folding each letter anew takes its time."""
    return f" {' '.join(filter(None, map(_folded, pieces)))} "


@cache
def _folded(piece: str) -> str:
    return words_of(piece).strip()
