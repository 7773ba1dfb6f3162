"""What each field of posts, comments and reports shows to a viewer who sees its object."""

import re
from collections.abc import Callable
from typing import Any

from tests.support.matrix_oracle import House, Listed, Rule, plain
from tests.support.matrix_paths import Variant
from tests.support.matrix_things import Complaint, Entry, Person, Remark, Volume

TELLS = (Variant("", ""), Variant("revealed", "(reveal: true)"))
LISTS = (Variant("", "(first: 100)"), Variant("page", "(first: 1)"))


def post_variants() -> dict[str, tuple[Variant, ...]]:
    """Tell how fields with arguments are called."""
    telling = ("text", "hashtags", "mentions", "quote", "imageUrl", "highlight")
    lists = ("User.posts", "Post.likedBy", "Comment.replies", "Viewer.deletedPosts", "Viewer.reports")
    orders = [Variant(sort.lower(), f"(sort: {sort}, first: 100)") for sort in ("OLDEST", "TOP", "HOT")]
    return {
        **{f"Post.{name}": TELLS for name in telling},
        "Comment.text": TELLS,
        # A post always has an author: where either may stand, the two go by different names.
        "Comment.author": (Variant("who", ""),),
        **dict.fromkeys((*lists, "Book.followedHighlights"), LISTS),
        "Post.comments": (*LISTS, *orders),
    }


def first_of(arguments: str) -> int:
    """Read how many are asked for."""
    found = re.search(r"first: (\d+)", arguments)
    return int(found[1]) if found else 20


def _told(name: str) -> Rule:
    """Show a text of a post, unless it is hidden and not asked for."""

    def rule(house: House, entry: Entry, arguments: str) -> Any:
        return entry.texts[name] if "reveal" in arguments or house.has_read(entry) else None

    return rule


def _mentions(house: House, entry: Entry, arguments: str) -> list[Person]:
    shown = "reveal" in arguments or house.has_read(entry)
    return [person for person in entry.mentioned if shown and house.knows(person)]


def _highlight(house: House, entry: Entry, arguments: str) -> Any:
    shown = "reveal" in arguments or house.has_read(entry)
    return entry.mark if shown and entry.mark and house.reads(entry.mark) else None


def _quote(house: House, entry: Entry, arguments: str) -> Any:
    shown = "reveal" in arguments or house.has_read(entry)
    return {"__typename": "Quote", "text": entry.texts["quote"]} if shown else None


def _image(house: House, entry: Entry, arguments: str) -> Any:
    shown = "reveal" in arguments or house.has_read(entry)
    return f"/media/{entry.texts['imageUrl']}.webp" if shown else None


def _posts_of(house: House, person: Person, arguments: str) -> Listed:
    mine = [entry for entry in reversed(house.world.entries) if entry.owner is person and house.reads_post(entry)]
    return Listed(mine, first_of(arguments))


def _deleted_posts(house: House, person: Person, arguments: str) -> Listed:
    gone = [entry for entry in reversed(house.world.entries) if entry.deleted]
    return Listed([entry for entry in gone if house.open_doors or entry.owner is person], first_of(arguments))


def _likers(house: House, entry: Entry, arguments: str) -> Listed:
    people = reversed(house.world.people.values())
    return Listed([one for one in people if one in entry.liked_by and house.knows(one)], first_of(arguments))


def is_listed(house: House, remark: Remark) -> bool:
    """Tell whether a comment belongs into lists: not a muted one, nor a deleted one that holds nothing to be seen."""
    below = [one for one in house.world.remarks if one.parent is remark and is_listed(house, one)]
    return house.reads_remark(remark) and house.wants(remark.owner) and (not remark.deleted or bool(below))


def _comments(house: House, entry: Entry, arguments: str) -> Listed:
    found = [one for one in house.world.remarks if one.entry is entry and one.parent is None and is_listed(house, one)]
    return Listed(found if "OLDEST" in arguments else found[::-1], first_of(arguments))


def _replies(house: House, remark: Remark, arguments: str) -> Listed:
    return Listed(
        [one for one in house.world.remarks if one.parent is remark and is_listed(house, one)], first_of(arguments)
    )


def _said(house: House, remark: Remark, arguments: str) -> Any:
    return remark.texts["text"] if "reveal" in arguments or house.has_read(remark) else None


def _writer(house: House, thing: Any, _: str) -> Person | None:
    return thing.owner if house.knows(thing.owner) else None


def _reports(house: House, _: Person, arguments: str) -> Listed | None:
    return Listed(house.world.complaints[::-1], first_of(arguments)) if house.moderates else None


def _of_friends(house: House, book: Volume, arguments: str) -> Listed:
    friends = [pair[1] for pair in house.world.follows if pair[0] == house.viewer]
    marks = [mark for mark in house.marks() if mark.book is book and mark.owner.name in friends]
    return Listed([mark for mark in marks if house.reads(mark) and house.wants(mark.owner)], first_of(arguments))


def _target(name: str) -> Rule:
    def rule(house: House, complaint: Complaint, _: str) -> Any:
        thing = getattr(complaint, name)
        sees: dict[str, Callable[[Any], bool]]
        sees = {"entry": house.reads_post, "remark": house.reads_remark, "person": house.knows}
        return thing if thing is not None and sees[name](thing) else None

    return rule


POST_RULES: dict[str, Rule] = {
    "Post.author": lambda _, entry, __: entry.owner,
    "Post.text": _told("text"),
    "Post.hashtags": _told("hashtags"),
    "Post.mentions": _mentions,
    "Post.quote": _quote,
    "Post.imageUrl": _image,
    "Post.highlight": _highlight,
    "Post.book": lambda _, entry, __: entry.book,
    "Post.spoilerUntilLocation": lambda _, entry, __: entry.until,
    "Post.likeCount": lambda _, entry, __: len(entry.liked_by),
    "Post.repostCount": lambda _, entry, __: len(entry.reposted_by),
    "Post.commentCount": lambda house, entry, _: sum(
        one.entry is entry and not one.deleted for one in house.world.remarks
    ),
    "Post.likedBy": _likers,
    "Post.comments": _comments,
    "Quote.text": lambda _, quote, __: quote["text"],
    "Quote.locationStart": plain,
    "Quote.locationEnd": plain,
    "Comment.text": _said,
    "Comment.author": _writer,
    "Comment.post": lambda _, remark, __: remark.entry,
    "Comment.parent": lambda house, remark, _: (
        remark.parent if remark.parent and house.reads_remark(remark.parent) else None
    ),
    "Comment.replies": _replies,
    "Comment.spoilerUntilLocation": lambda _, remark, __: remark.until,
    "Comment.likeCount": lambda *_: 0,
    "Comment.depth": lambda _, remark, __: 0 if remark.parent is None else 1,
    "Comment.replyCount": lambda house, remark, _: sum(one.parent is remark for one in house.world.remarks),
    "Report.reporter": _writer,
    "Report.text": lambda _, complaint, __: complaint.texts["text"],
    "Report.post": _target("entry"),
    "Report.comment": _target("remark"),
    "Report.user": _target("person"),
    "User.posts": _posts_of,
    "User.postCount": lambda house, person, _: sum(
        entry.owner is person and not entry.deleted for entry in house.world.entries
    ),
    "Viewer.deletedPosts": _deleted_posts,
    "Viewer.reports": _reports,
    "Book.followedHighlights": _of_friends,
    "FeedEdge.repostedBy": lambda _, entry, __: next(iter(entry.reposted_by), None),
    "PostCounts.likeCount": lambda _, entry, __: len(entry.liked_by),
    "PostCounts.repostCount": lambda _, entry, __: len(entry.reposted_by),
    "PostCounts.commentCount": lambda house, entry, _: sum(
        one.entry is entry and not one.deleted for one in house.world.remarks
    ),
    "LikePayload.likeCount": plain,
    "LikePayload.target": lambda _, payload, __: payload["target"],
}
