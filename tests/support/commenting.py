"""What tests of comments and likes share."""

from datetime import timedelta
from typing import Any

from core import clock
from core.ids import global_id, read_global_id
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import sql
from tests.support.seeding import Seeder


async def posted(container: Container, author: Reader, text: str = "", **more: Any) -> str:
    """Make a post by a reader; its id."""
    async with container.database.writing() as session:
        values = {"created_at": clock.now() - timedelta(hours=1)} | more
        return global_id("Post", (await Seeder(session).post(read_global_id(author.id)[1], text, **values)).id)


COMMENT = "comment { id text isDeleted depth likeCount replyCount editedAt author { username } parent { id } }"
CHANGE = f"{COMMENT} deletedCommentId post {{ commentCount }}"
NODE = f"query($id: ID!) {{ node(id: $id) {{ ... on Comment {{ {COMMENT[10:-2]} }} }} }}"
THREAD = """query($id: ID!) { post(id: $id) { commentCount comments(sort: OLDEST) { nodes {
  id text replyCount replies(first: 5) { nodes { id text replies(first: 5) { nodes { id text } } } } } } } }"""


async def comment(reader: Reader, post: str, text: str = "So true.", **more: Any) -> str:
    """Comment on a post, or on a comment; the comment's id."""
    payload = await reader.mutate("addComment", "comment { id }", postId=post, text=text, **more)
    assert not payload["userErrors"], payload
    made: str = payload["comment"]["id"]
    return made


async def counts_are_right(container: Container) -> bool:
    """Tell whether every count is what a count of the rows says."""
    wrong = await sql(
        container,
        "SELECT id FROM posts p WHERE like_count <> (SELECT count(*) FROM likes WHERE post_id = p.id)"
        " OR comment_count <> (SELECT count(*) FROM comments WHERE post_id = p.id AND deleted_at IS NULL)"
        " OR repost_count <> (SELECT count(*) FROM reposts WHERE post_id = p.id)"
        " UNION ALL SELECT id FROM comments c"
        " WHERE like_count <> (SELECT count(*) FROM comment_likes WHERE comment_id = c.id)"
        " OR reply_count <> (SELECT count(*) FROM comments WHERE parent_id = c.id AND deleted_at IS NULL)"
        " UNION ALL SELECT id FROM comments c WHERE deleted_at IS NOT NULL"
        " AND NOT EXISTS (SELECT FROM comments WHERE parent_id = c.id)",
    )
    return not wrong


async def node(reader: Reader, key: str) -> Any:
    """Read a comment by its id."""
    return (await reader.run(NODE, id=key))["node"]


async def delete(reader: Reader, key: str, **more: Any) -> Any:
    """Delete a comment, or try; the payload."""
    return await reader.mutate("deleteComment", CHANGE, id=key, **more)


async def outline(reader: Reader, post: str) -> Any:
    """Read a thread as nested texts."""

    def told(nodes: list[Any]) -> list[Any]:
        return [[one["text"], *told(one["replies"]["nodes"])] if "replies" in one else one["text"] for one in nodes]

    return told((await reader.run(THREAD, id=post))["post"]["comments"]["nodes"])
