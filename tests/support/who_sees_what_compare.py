"""What everybody should find, by the design, against what they do find."""

from typing import Any

from repositories.social_lists import People
from tests.support.who_sees_what import Society
from tests.support.who_sees_what_server import Seen, name_of


class Differs(AssertionError):
    """The services and the design do not agree."""


def must(holds: object, *what: object) -> None:
    """Raise Differs unless it holds."""
    if not holds:
        raise Differs(" ".join(map(str, what)))


def foretold(society: Society) -> Seen:
    """Tell what everybody may see of each kind."""
    found: Seen = {}
    for eyes in society.eyes():
        posts = [post for post in society.posts if society.reads_post(eyes, post)]
        comments = [comment for comment in society.comments if society.reads_comment(eyes, comment)]
        kinds: dict[str, list[Any]] = {
            "users": [reader for reader in society.readers if society.knows(eyes, reader)],
            "open profiles": [reader for reader in society.readers if society.reads_profile(eyes, reader)],
            "highlights": [mark for mark in society.marks if society.reads_mark(eyes, mark)],
            "posts": posts,
            "words of posts": [post for post in posts if society.has_come_to(eyes, post)],
            "gathered posts": [post for post in posts if society.wants_to_meet(eyes, post)],
            "own deleted posts": [post for post in society.posts if post.deleted and post.author is eyes],
            "comments": comments,
            "words of comments": [comment for comment in comments if society.has_come_to(eyes, comment)],
        }
        found |= {(name_of(eyes), kind): {thing.key for thing in things} for kind, things in kinds.items()}
    return found


def foretold_lists(society: Society) -> Seen:
    """Tell what lists of people hold, and whose whole profile is open."""
    found: Seen = {}
    for eyes in society.eyes():
        name = name_of(eyes)
        found[name, "whole profiles"] = {one.key for one in society.readers if society.reads_profile(eyes, one)}
        for reader in society.readers:
            followers = [one for one, other in society.follows if other is reader]
            following = [other for one, other in society.follows if one is reader]
            for which, people in ((People.FOLLOWERS, followers), (People.FOLLOWING, following)):
                found[name, f"{which} of {reader.name}"] = {one.key for one in people if society.knows(eyes, one)}
    return found


def compared(expected: Seen, actual: Seen) -> int:
    """Compare; tell how many sets there were. Raise Differs for one too many or too few."""
    must(expected.keys() == actual.keys(), "compared", expected.keys() ^ actual.keys())
    for (viewer, kind), keys in expected.items():
        too_many, lacking = actual[viewer, kind] - keys, keys - actual[viewer, kind]
        must(not too_many, viewer, "sees", len(too_many), kind, "too many")
        must(not lacking, viewer, "lacks", len(lacking), kind)
    return len(expected)
