"""Statements that are put together once, for all viewers of a kind: that takes longer than PostgreSQL does to answer."""

import functools
import inspect
import operator
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Uuid, bindparam

from auth.viewer import Viewer
from repositories import visibility

IDS: BindParameter[Any] = bindparam("ids", expanding=True, type_=Uuid())
"""The keys of a batch, in a statement that is prepared."""
_ME: BindParameter[UUID] = bindparam("me", type_=Uuid())
_PREDICATES = operator.attrgetter(
    *(
        name
        for name, value in vars(visibility).items()
        if inspect.isfunction(value) and value.__module__ == visibility.__name__
    )
)
Prepared = Callable[[Viewer, Iterable[UUID]], tuple[Any, Mapping[str, Any]]]
"""Finds a statement, and the values it is run with."""


def prepared(make: Callable[[Viewer], Any]) -> Prepared:
    """Keep a statement over `IDS` for each kind of viewer: signed out, readers, moderators.

    `make` is given a viewer whose id is a parameter, with which predicates may compare, and nothing else. A predicate that is replaced, as
    tests do, makes another statement.
    """
    known: dict[Any, Any] = {}

    @functools.wraps(make)
    def found(viewer: Viewer, ids: Iterable[UUID]) -> tuple[Any, Mapping[str, Any]]:
        kind = (viewer.is_signed_in, viewer.moderates, _PREDICATES(visibility))
        statement = known.get(kind)
        if statement is None:
            anybody = (
                replace(Viewer(role=viewer.role), user_id=typing.cast("UUID", _ME)) if viewer.is_signed_in else Viewer()
            )
            statement = known[kind] = make(anybody)
        return statement, {"ids": list(set(ids)), "me": viewer.user_id}

    return found
