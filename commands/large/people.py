"""Readers: their accounts, who follows whom, who asks, blocks and mutes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from random import Random
from typing import Any
from uuid import UUID

from commands.large import words
from commands.large.plan import ACCOUNTS, SPAN, Load, Lots, Plan, key_at, listed, shuffled
from models import Block, Follow, FollowRequest, Mute, SyncCounter, User
from models.profiles import Visibility

READERS, FOLLOWS, REQUESTS, BLOCKS, MUTES = 100_000, 1_000_000, 5_000, 2_000, 5_000
STARS = (30_000, 18_000, 12_500, 10_500, 9_900)
"""The followers of the best known; the fourth is the last above the pull threshold, the fifth right below it."""
NEXT = 8_000
ONE_IN_PRIVATE = 20
NO_PASSWORD = "none"  # noqa: S105 - no password has this hash
SIGNS_IN = 10
"""So many, the best known, sign in with the password of the demo data."""
DOMAIN = "large.example"


@dataclass(frozen=True, slots=True)
class Person:
    """A reader, numbered by how well known they are, from 0."""

    id: UUID
    username: str
    display_name: str
    is_private: bool
    created_at: datetime


class People:
    """All readers, and the graph of follows."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        chance = plan.random("people")
        self.persons = [self._person(chance, number) for number in range(plan.count(READERS))]
        self.followers = self._graph()
        self.following: list[list[int]] = [[] for _ in self.persons]
        for followed, followers in enumerate(self.followers):
            for number in followers:
                self.following[number].append(followed)

    def __len__(self) -> int:
        return len(self.persons)

    def _person(self, chance: Random, number: int) -> Person:
        born = self._plan.until - SPAN - ACCOUNTS * chance.random()
        first, last = words.name(chance)
        is_private = number > SIGNS_IN and number % ONE_IN_PRIVATE == 0
        return Person(key_at(chance, born), f"{first}_{last}_{number}".lower(), f"{first} {last}", is_private, born)

    def _graph(self) -> list[list[int]]:
        chance, n = self._plan.random("follows"), len(self.persons)
        # Who follows many is not who is well known: the eager are another order of the same readers.
        eager, lots = shuffled(chance, n), Lots(n, steepness=0.5)
        place = {number: turn for turn, number in enumerate(eager)}
        degrees = follower_counts(n, self._plan.count(FOLLOWS), self._plan.scale)
        return [
            [eager[turn] for turn in lots.distinct(chance, degree, but=place[number])]
            for number, degree in enumerate(degrees)
        ]

    @cached_property
    def pairs(self) -> set[tuple[int, int]]:
        """All (follower, followed)."""
        return {(number, followed) for followed, followers in enumerate(self.followers) for number in followers}

    def pulled(self, number: int) -> bool:
        """Tell whether a reader has so many followers that entries of theirs are pulled."""
        return len(self.followers[number]) > self._plan.pull_above

    def loads(self, post_counts: Sequence[int], seqs: Sequence[int], password_hash: str) -> Iterator[Load]:
        """Make the rows of accounts and of the graph."""
        n = len(self.persons)
        yield Load(User, _USER, self._users(post_counts, password_hash), n)
        counters = ((person.id, seq, 0) for person, seq in zip(self.persons, seqs, strict=True))
        yield Load(SyncCounter, ("user_id", "seq", "floor"), counters, n)
        follows = sum(map(len, self.followers))
        yield Load(Follow, ("follower_id", "followed_id", "created_at"), self._follows(), follows)
        yield from self._others()

    def _users(self, post_counts: Sequence[int], password_hash: str) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("profiles")
        for number, person in enumerate(self.persons):
            yield (
                *(person.id, person.username, f"{person.username}@{DOMAIN}"),
                password_hash if number < SIGNS_IN else NO_PASSWORD,
                person.display_name,
                f"Reads about {words.claim(chance)}.",
                person.is_private,
                chance.choice((Visibility.PRIVATE, Visibility.PRIVATE, Visibility.FOLLOWERS, Visibility.PUBLIC)),
                *(len(self.followers[number]), len(self.following[number]), post_counts[number]),
                *(person.created_at, person.created_at),
            )

    def _follows(self) -> Iterator[Sequence[Any]]:
        chance = self._plan.random("times of follows")
        for person, following in zip(self.persons, self.following, strict=True):
            for number in following:
                yield person.id, self.persons[number].id, self._plan.moment(chance)

    def _others(self) -> Iterator[Load]:
        chance, everybody = self._plan.random("asked and blocked"), range(len(self.persons))
        wanted_asked, wanted_blocked = self._plan.count(REQUESTS), self._plan.count(BLOCKS)
        taken = self.pairs | {(followed, number) for number, followed in self.pairs}
        asked: list[Sequence[Any]] = []
        blocked: list[Sequence[Any]] = []
        while len(asked) < wanted_asked or len(blocked) < wanted_blocked:
            one, other = chance.sample(everybody, 2)
            if (one, other) in taken:
                continue
            taken |= {(one, other), (other, one)}
            into = asked if self.persons[other].is_private else blocked
            into.append((self.persons[one].id, self.persons[other].id, self._plan.moment(chance)))
        yield listed(FollowRequest, ("follower_id", "followed_id", "created_at"), asked[:wanted_asked])
        yield listed(Block, ("blocker_id", "blocked_id", "created_at"), blocked[:wanted_blocked])
        yield listed(Mute, ("id", "user_id", "muted_user_id", "word", "created_at"), self._mutes(chance))

    def _mutes(self, chance: Random) -> Iterator[Sequence[Any]]:
        for turn, number in enumerate(chance.sample(range(len(self.persons)), self._plan.count(MUTES))):
            at = self._plan.moment(chance)
            other = self.persons[number - 1].id if turn % 2 else None
            yield key_at(chance, at), self.persons[number].id, other, None if other else chance.choice(words.THINGS), at


_USER = (
    *("id", "username", "email", "password_hash", "display_name", "bio", "is_private", "default_highlight_visibility"),
    *("follower_count", "following_count", "post_count", "created_at", "updated_at"),
)


def follower_counts(n: int, total: int, scale: float) -> list[int]:
    """Tell how many followers each of n readers has, the best known first: the stars, then a power law that makes the total."""
    stars = [min(n - 1, round(count * scale)) for count in STARS[: n - 1]]
    rest, places = total - sum(stars), range(1, n - len(stars) + 1)
    low, high = 0.0, 4.0
    for _ in range(60):
        middle = (low + high) / 2
        if sum(_tail(places, middle, n, scale)) > rest:
            low = middle
        else:
            high = middle
    tail = _tail(places, high, n, scale)
    # What rounding left over goes to the first of them, one each.
    for place in range(rest - sum(tail)):
        tail[place % len(tail)] += 1
    return stars + tail


def _tail(places: range, steepness: float, n: int, scale: float) -> list[int]:
    head = len(STARS)
    return [min(n - 1, int(NEXT * scale * ((place + head) / (1 + head)) ** -steepness)) for place in places]
