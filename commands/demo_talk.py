"""What the demo readers say to each other, all invented for this purpose."""

from dataclasses import dataclass

from models.profiles import Visibility


@dataclass(frozen=True)
class DemoComment:
    """An answer to a post; `replies` answer it in turn."""

    author: str
    text: str
    replies: tuple["DemoComment", ...] = ()
    spoiler_until: int | None = None


@dataclass(frozen=True)
class DemoPost:
    """A post: about which book, quoting the author's mark there or not, how long ago, and what became of it."""

    author: str
    text: str
    hours_ago: int
    book: str | None = None
    quotes: int | None = None
    """The start of a mark of the author's, in that book."""
    visibility: Visibility = Visibility.PUBLIC
    spoiler_until: int | None = None
    liked_by: tuple[str, ...] = ()
    reposted_by: tuple[str, ...] = ()
    comments: tuple[DemoComment, ...] = ()


POSTS = (
    DemoPost(
        "jonas",
        "A customer came in, read one line of this standing up, paid, and left without her umbrella. #lighthouse",
        hours_ago=52,
        book="ledger",
        quotes=410,
        liked_by=("mara", "ilse", "tomasz"),
        reposted_by=("ilse",),
        comments=(
            DemoComment(
                "mara",
                "I know that line. I have missed a station over it.",
                replies=(DemoComment("jonas", "@mara then you owe the railway a copy."),),
            ),
        ),
    ),
    DemoPost(
        "ilse",
        "Third attempt at the comma in chapter two. The grandmother wins again. #translation",
        hours_ago=30,
        book="north",
        quotes=55,
        liked_by=("mara", "priya"),
        comments=(DemoComment("priya", "Leave her the comma, she has earned it."),),
    ),
    DemoPost(
        "tomasz",
        "So the brother was never on the boat at all. Who else saw it coming? #lighthouse",
        hours_ago=20,
        book="ledger",
        spoiler_until=3_377,
        liked_by=("jonas",),
        comments=(DemoComment("jonas", "From the left column on."),),
    ),
    DemoPost(
        "mara",
        "Workshop on Thursday: bring one sentence about weather that is not about weather. #workshop @ilse",
        hours_ago=9,
        liked_by=("ilse", "jonas"),
        comments=(DemoComment("ilse", "Mine is about soup. It counts."),),
    ),
    DemoPost("priya", "Both book clubs chose the same book. Send tea. #bookclub", hours_ago=5, book="maps"),
    DemoPost(
        "mara",
        "Draft two is done. For friends only, because draft three will deny it.",
        hours_ago=2,
        visibility=Visibility.MUTUALS,
        liked_by=("ilse",),
    ),
)
