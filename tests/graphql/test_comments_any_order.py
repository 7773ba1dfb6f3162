"""Threads by lot: whatever is added and deleted, tree, depths and counts are those of a plain model."""

from dataclasses import dataclass, field
from typing import Any

from aiohttp.test_utils import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runtime.container import Container
from tests.support.api import Reader
from tests.support.commenting import comment, counts_are_right, posted
from tests.support.rows import sql


@dataclass
class Node:
    """A comment of the model."""

    key: str
    parent: "Node | None"
    depth: int
    is_deleted: bool = False
    children: list["Node"] = field(default_factory=list)


class Model:
    """A thread as plainly as it can be said."""

    def __init__(self) -> None:
        self.nodes: dict[str, Node] = {}

    def add(self, key: str, answered: Node | None) -> None:
        """Hang a comment below what it answers; below the deepest level, beside it."""
        parent = answered if answered is None or answered.depth < 5 else answered.parent
        self.nodes[key] = node = Node(key, parent, 0 if parent is None else parent.depth + 1)
        if parent:
            parent.children.append(node)

    def delete(self, node: Node) -> None:
        """Empty a comment, then take away what is empty and holds nothing."""
        node.is_deleted = True
        at: Node | None = node
        while at is not None and at.is_deleted and not at.children:
            del self.nodes[at.key]
            if at.parent:
                at.parent.children.remove(at)
            at = at.parent

    @property
    def live(self) -> list[Node]:
        """Comments that are not deleted, in the order of their making."""
        return [node for node in self.nodes.values() if not node.is_deleted]

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """Spell the thread as its rows."""
        return {
            node.key: (
                node.parent.key if node.parent else None,
                node.depth,
                node.is_deleted,
                sum(not child.is_deleted for child in node.children),
            )
            for node in self.nodes.values()
        }


STEPS = st.lists(st.tuples(st.sampled_from(["top", "reply", "reply", "deep", "delete", "delete"]), st.integers(0, 99)))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=STEPS.filter(lambda steps: len(steps) > 5))
async def test_threads_are_those_of_the_model(
    ada: Reader, http: "TestClient[Any, Any]", container: Container, steps: list[tuple[str, int]]
) -> None:
    del http
    post, model = await posted(container, ada), Model()
    for kind, number in steps:
        live = model.live
        answered = None if kind == "top" or not live else live[number % len(live)]
        if kind == "delete" and answered:
            payload = await ada.mutate("deleteComment", "deletedCommentId", id=answered.key)
            assert payload["userErrors"] == []
            model.delete(answered)
            continue
        if kind == "deep" and live:
            answered = max(live, key=lambda node: node.depth)
        more = {"parentId": answered.key} if answered else {}
        model.add(await comment(ada, post, **more), answered)
    spelled = "rtrim(translate(encode(convert_to('Comment:' || {}, 'UTF8'), 'base64'), E'\\n', ''), '')"
    rows = await sql(
        container,
        f"SELECT {spelled.format('id')}, {spelled.format('parent_id')}, depth, deleted_at IS NOT NULL, reply_count FROM comments",  # noqa: S608
    )
    assert {row[0]: tuple(row[1:]) for row in rows} == model.rows()
    assert await sql(container, "SELECT comment_count FROM posts") == [(len(model.live),)]
    assert await counts_are_right(container)
    await sql(container, "DELETE FROM posts")
