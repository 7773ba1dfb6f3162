"""Write posts, and do with them what readers do, through the API."""

import asyncio
import itertools
from typing import Any

from tests.support.api import GraphQLFailed, Reader

POST = """id author { id username } text spoilerUntilLocation isHidden hashtags mentions { username } book { id title }
  highlight { id } quote { text locationStart locationEnd } imageUrl visibility createdAt deletedAt
  likeCount commentCount repostCount viewerHasLiked viewerHasReposted"""
"""All plain fields of a post."""

_numbers = itertools.count(1)


async def post(reader: Reader, text: str | None = None, **more: Any) -> Any:
    """Write a post that must be taken; its plain fields."""
    text = f"Post {next(_numbers)}" if text is None else text
    payload = await reader.mutate("createPost", f"post {{ {POST} }}", text=text, **more)
    assert not payload["userErrors"], payload
    return payload["post"]


async def act(reader: Reader, mutation: str, post_id: str, **more: Any) -> Any:
    """Delete, restore, repost or undo a repost, which must go well; the payload."""
    name = _id_of(mutation)
    payload = await reader.mutate(mutation, f"post {{ {POST} }} deletedPostId", **{name: post_id}, **more)
    assert not payload["userErrors"], payload
    return payload


async def insist(reader: Reader, mutation: str, post_id: str, patience: float = 60) -> Any:
    """Do what may be done twice, as often as a crowded server says to try again; the payload, refusals included."""
    name = _id_of(mutation)
    async with asyncio.timeout(patience):
        while True:
            try:
                payload = await reader.mutate(mutation, "post { repostCount viewerHasReposted }", **{name: post_id})
            except GraphQLFailed as failed:
                if failed.args[0][0]["extensions"]["code"] != "UNAVAILABLE":
                    raise
            else:
                if "UNAVAILABLE" not in {error["code"] for error in payload["userErrors"]}:
                    return payload
            await asyncio.sleep(0.1)


async def read(reader: Reader, post_id: str) -> Any:
    """Read a post; None where there is none to be seen."""
    return (await reader.run(f"query($id: ID!) {{ post(id: $id) {{ {POST} }} }}", id=post_id))["post"]


async def refused(reader: Reader, mutation: str, **input_: Any) -> list[tuple[str, str]]:
    """Try a mutation that must be refused; where and why."""
    payload = await reader.mutate(mutation, "post { id }", **input_)
    assert payload["post"] is None
    assert payload["userErrors"], payload
    return [("/".join(error["field"] or ()), error["code"]) for error in payload["userErrors"]]


async def posts_of(reader: Reader, username: str, first: int = 20) -> list[str]:
    """List the texts of a reader's posts."""
    query = "query($name: String!, $first: Int) { user(username: $name) { posts(first: $first) { nodes { text(reveal: true) } } } }"
    found = await reader.run(query, name=username, first=first)
    return [node["text"] for node in found["user"]["posts"]["nodes"]]


def _id_of(mutation: str) -> str:
    return "postId" if mutation in ("repost", "undoRepost") else "id"
