"""Documents that mean harm, made up by a seeded generator: each kind near its limit as well as far beyond it."""

import random
from collections.abc import Callable, Mapping
from typing import Any

Made = tuple[str, Mapping[str, Any]]
LEAVES = ("id", "title", "authors", "isbn", "publisher", "totalLocations", "highlightCount")


def _size(chance: random.Random, limit: int) -> int:
    """Choose a size: mostly about the limit, where a document is just let through, sometimes far beyond it."""
    return max(2, int(limit * chance.choice((0.5, 0.9, 1, 1.1, 2, 10))) + chance.randint(-2, 2))


def _salt(chance: random.Random) -> str:
    """Make every document another one, so that no cache knows it."""
    return f"S{chance.getrandbits(48):x}"


def fragment_cycle(chance: random.Random) -> Made:
    """Fragments that spread each other in a ring, with shortcuts."""
    count = _size(chance, 60)
    fragments = [
        f"fragment F{n} on Book {{ title ...F{(n + 1) % count} ...F{chance.randrange(count)} }}" for n in range(count)
    ]
    return f"query {_salt(chance)} {{ books {{ nodes {{ ...F0 }} }} }} {' '.join(fragments)}", {}


def fragment_bomb(chance: random.Random) -> Made:
    """Fragments each of which spreads the next several times over: 2 to the depth when inlined."""
    depth, each = _size(chance, 12), chance.randint(2, 5)
    fragments = [
        f"fragment F{n} on User {{ username highlights {{ nodes {{ {' '.join(f'owner {{ ...F{n + 1} }}' for _ in range(each))} }} }} }}"
        for n in range(depth)
    ]
    last = f"fragment F{depth} on User {{ id }}"
    return f"query {_salt(chance)} {{ viewer {{ user {{ ...F0 }} }} }} {' '.join(fragments)} {last}", {}


def flat_fragment_bomb(chance: random.Random) -> Made:
    """Fragments that spread the same next one again and again, on one level."""
    depth, each = _size(chance, 40), chance.randint(2, 6)
    fragments = [f"fragment F{n} on Book {{ title {f'...F{n + 1} ' * each}}}" for n in range(depth)]
    return (
        f"query {_salt(chance)} {{ books {{ nodes {{ ...F0 }} }} }} {' '.join(fragments)} fragment F{depth} on Book {{ id }}",
        {},
    )


def aliases(chance: random.Random) -> Made:
    """One costly field under many names."""
    count = chance.choice((29, 30, 31, 100, 1_000))
    fields = " ".join(f"a{n}: books(first: {chance.randint(1, 100)}) {{ nodes {{ id title }} }}" for n in range(count))
    return f"query {_salt(chance)} {{ {fields} }}", {}


def deep(chance: random.Random) -> Made:
    """Users of highlights of users."""
    depth = _size(chance, 7)
    return (
        f"query {_salt(chance)} {{ viewer {{ user {'{ highlights { nodes { owner ' * depth} {{ id }} {'} } }' * depth} }} }}",
        {},
    )


def deep_brackets(chance: random.Random) -> Made:
    """Nested brackets alone, in lists, objects and selections."""
    depth = chance.choice((14, 100, 400, 900, 5_000))
    kind = chance.randrange(3)
    if kind == 0:
        return f"query {_salt(chance)} {{ nodes(ids: {'[' * depth}{']' * depth}) {{ id }} }}", {}
    if kind == 1:
        return f"query {_salt(chance)} {{ book(ref: {'{named: ' * depth}1{'}' * depth}) {{ id }} }}", {}
    return f"query {_salt(chance)} {'{ viewer ' * depth}{'}' * depth}", {}


def wide(chance: random.Random) -> Made:
    """The same field over and over: validation compares all of them pairwise."""
    count = _size(chance, 140)
    return f"query {_salt(chance)} {{ books {{ nodes {{ {'title ' * count} }} }} }}", {}


def wide_objects(chance: random.Random) -> Made:
    """The same object over and over, each with fields of its own to be compared."""
    count = _size(chance, 60)
    fields = " ".join(f"nodes {{ {chance.choice(LEAVES)} {chance.choice(LEAVES)} }}" for _ in range(count))
    return f"query {_salt(chance)} {{ books {{ {fields} }} }}", {}


def wide_inline(chance: random.Random) -> Made:
    """Inline fragments over and over, on types that exclude each other."""
    count = _size(chance, 90)
    parts = " ".join(f"... on {chance.choice(('Book', 'Highlight', 'User', 'Device'))} {{ id }}" for _ in range(count))
    return f'query {_salt(chance)} {{ node(id: "x") {{ {parts} }} }}', {}


def long_list(chance: random.Random) -> Made:
    """A list of ids in the document."""
    ids = " ".join(f'"{chance.getrandbits(64):x}"' for _ in range(_size(chance, 100)))
    return f"query {_salt(chance)} {{ nodes(ids: [{ids}]) {{ id __typename }} }}", {}


def long_variable(chance: random.Random) -> Made:
    """A list of ids in a variable: no token is counted for it."""
    ids = [f"{chance.getrandbits(64):x}" for _ in range(chance.choice((100, 101, 1_000, 20_000)))]
    return f"query {_salt(chance)}($ids: [ID!]!) {{ nodes(ids: $ids) {{ id }} }}", {"ids": ids}


def big_pages(chance: random.Random) -> Made:
    """Lists in lists, as large as a number can be."""
    first = chance.choice((100, 101, 10**9, 2**31 - 1, 10**30))
    return (
        f"query {_salt(chance)} {{ books(first: {first}) {{ nodes {{ id }} edges {{ node {{ id title authors }} }} }} }}",
        {},
    )


def introspection(chance: random.Random) -> Made:
    """Types of fields of types of fields."""
    depth = chance.choice((1, 2, 3, 4, 8))
    loop = "fields { type { name ofType { name " * depth + "} } } " * depth
    which = chance.choice(("__schema { types", '__type(name: "Query")'))
    return f"query {_salt(chance)} {{ {which} {{ name {loop} }} {'}' if 'types' in which else ''} }}", {}


def introspection_fields(chance: random.Random) -> Made:
    """Everything about the schema at once, as wide as the tokens allow."""
    parts = "name description fields { name description args { name description type { name ofType { name } } } } "
    times = chance.choice((1, 2, 5, 20))
    more = " ".join(f"t{n}: types {{ {parts} inputFields {{ name description }} }}" for n in range(times))
    return f"query {_salt(chance)} {{ __schema {{ {more} }} }}", {}


def directives(chance: random.Random) -> Made:
    """Directives by the hundred, known and unknown, on one field or on many."""
    count = _size(chance, 50)
    words = [chance.choice(("@include(if: true)", "@skip(if: false)", f"@d{n}")) for n in range(count)]
    fields = " ".join(f"title {word}" for word in words) if chance.random() < 0.5 else f"title {' '.join(words)}"
    return f"query {_salt(chance)} {{ books {{ nodes {{ {fields} }} }} }}", {}


def variables(chance: random.Random) -> Made:
    """Variables by the hundred, used or not."""
    count = _size(chance, 300)
    names = " ".join(f"$v{n}: Int = {n}" for n in range(count))
    uses = " ".join(f"books(first: $v{n}) {{ nodes {{ id }} }}" for n in range(0, count, chance.randint(1, 50)))
    return f"query {_salt(chance)}({names}) {{ {uses} }}", {"v1": 1}


def operations(chance: random.Random) -> Made:
    """Many operations in one document, of which none is named."""
    count = _size(chance, 150)
    return " ".join(f"query {_salt(chance)} {{ viewer {{ email }} }}" for _ in range(count)), {}


def shared_fragments(chance: random.Random) -> Made:
    """Many operations that share fragments: rules look through all fragments for each operation."""
    count = _size(chance, 40)
    spread = " ".join(f"...F{n}" for n in range(count))
    fragments = " ".join(f"fragment F{n} on Query {{ viewer {{ email }} }}" for n in range(count))
    return " ".join(f"query {_salt(chance)} {{ {spread} }}" for _ in range(count // 2)) + fragments, {}


def chained_fragments(chance: random.Random) -> Made:
    """A long chain of fragments beside many variables: each use is looked for along the whole chain."""
    count = _size(chance, 120)
    chain = " ".join(
        f"fragment F{n} on Query {{ books(first: $a) {{ nodes {{ id }} }} ...F{n + 1} }}" for n in range(count)
    )
    asked = " ".join(f"query {_salt(chance)}($a: Int) {{ ...F{n} }}" for n in range(chance.randint(1, 20)))
    return f"{asked} {chain} fragment F{count} on Query {{ viewer {{ email }} }}", {}


def long_texts(chance: random.Random) -> Made:
    """One token of hundreds of thousands of letters, or a name as long."""
    text = chance.choice(("x", "\\u0041", "é", "_")) * chance.choice((1_000, 20_000, 60_000, 600_000))
    if chance.random() < 0.5:
        return f'query {_salt(chance)} {{ user(username: "{text}") {{ id }} }}', {}
    return f"query {_salt(chance)} {{ {'a' * len(text)} }}", {}


def unknown_names(chance: random.Random) -> Made:
    """Misspelled names: for each, the server may look for similar ones."""
    count = _size(chance, 200)
    names = " ".join(f"highligt{chance.getrandbits(24):x}" for _ in range(count))
    return f"query {_salt(chance)} {{ viewer {{ {names} }} }}", {}


def conflicting(chance: random.Random) -> Made:
    """Fields of one name with other arguments, nested: each pair is told as a conflict."""
    count = _size(chance, 25)
    fields = " ".join(f"books(first: {n}) {{ nodes {{ id }} }}" for n in range(count))
    return f"query {_salt(chance)} {{ {fields} }}", {}


def noise(chance: random.Random) -> Made:
    """Tokens in any order."""
    words = (
        "{",
        "}",
        "(",
        ")",
        "[",
        "]",
        "query",
        "fragment",
        "on",
        "...",
        "a",
        "$b",
        ":",
        "!",
        "@c",
        '"d"',
        '"""',
        "1",
        "=",
    )
    return " ".join(chance.choice(words) for _ in range(_size(chance, 1_000))), {}


def comments(chance: random.Random) -> Made:
    """What is no token: comments, commas and blanks by the megabyte."""
    filler = chance.choice(("#x\n", ",", "\n", "\t")) * chance.choice((1_000, 50_000, 300_000, 1_300_000))
    return f"query {_salt(chance)} {{ viewer {filler} {{ email }} }}", {}


KINDS: Mapping[str, Callable[[random.Random], Made]] = {
    make.__name__.replace("_", " "): make
    for make in (
        fragment_cycle,
        fragment_bomb,
        flat_fragment_bomb,
        aliases,
        deep,
        deep_brackets,
        wide,
        wide_objects,
        wide_inline,
        long_list,
        long_variable,
        big_pages,
        introspection,
        introspection_fields,
        directives,
        variables,
        operations,
        shared_fragments,
        chained_fragments,
        long_texts,
        unknown_names,
        conflicting,
        noise,
        comments,
    )
}
