"""Comments that go: by whom, what stays of a thread, and what the end of an account takes along."""

import asyncio
from typing import Any

from aiohttp.test_utils import TestClient

from core.ids import read_global_id
from models.profiles import Visibility
from runtime.container import Container
from tests.graphql.test_comments import post
from tests.support.api import PASSWORD, Reader, sign_up
from tests.support.commenting import comment, counts_are_right, delete, node, outline, posted
from tests.support.readers import seated
from tests.support.rows import nothing_written, sql

__all__ = ["post"]
Http = TestClient[Any, Any]


async def test_a_comment_without_replies_goes(ada: Reader, ben: Reader, post: str, container: Container) -> None:
    mine = await comment(ben, post)
    gone = await delete(ben, mine)
    assert gone == {"comment": None, "deletedCommentId": mine, "post": {"commentCount": 0}, "userErrors": []}
    assert await node(ben, mine) is None
    assert await sql(container, "SELECT count(*) FROM comments") == [(0,)]
    assert [e["code"] for e in (await delete(ben, mine))["userErrors"]] == ["NOT_FOUND"]
    assert await outline(ada, post) == []


async def test_a_comment_with_replies_stays_empty_until_the_last_goes(
    ada: Reader, ben: Reader, post: str, container: Container
) -> None:
    top = await comment(ben, post, "Top.", spoilerUntilLocation=None)
    middle = await comment(ada, post, "Middle.", parentId=top)
    leaf = await comment(ben, post, "Leaf.", parentId=middle)
    await ada.mutate("like", "liked", targetId=top)
    empty = await delete(ben, top)
    assert empty["comment"] == {
        "id": top,
        "text": None,
        "isDeleted": True,
        "depth": 0,
        "likeCount": 0,
        "replyCount": 1,
        "editedAt": None,
        "author": {"username": "ben"},
        "parent": None,
    }
    assert (empty["deletedCommentId"], empty["post"]) == (top, {"commentCount": 2})
    async with nothing_written(container):
        assert await delete(ben, top) == empty
    assert await outline(ada, post) == [[None, ["Middle.", "Leaf."]]]
    await delete(ada, middle)
    assert (await node(ada, top))["replyCount"] == 0, "a deleted reply is none, though it is kept"
    assert await outline(ada, post) == [[None, [None, "Leaf."]]]
    last = await delete(ben, leaf)
    assert last["post"] == {"commentCount": 0}
    assert await sql(container, "SELECT count(*) FROM comments") == [(0,)]
    assert await sql(container, "SELECT count(*) FROM comment_likes") == [(0,)]
    assert await counts_are_right(container)


async def test_an_empty_comment_with_another_reply_stays(ada: Reader, post: str, container: Container) -> None:
    top = await comment(ada, post, "Top.")
    one, _ = [await comment(ada, post, text, parentId=top) for text in ("One.", "Two.")]
    await delete(ada, top)
    await delete(ada, one)
    assert await outline(ada, post) == [[None, ["Two."]]]
    assert (await node(ada, top))["replyCount"] == 1
    assert await counts_are_right(container)


async def test_who_may_delete(
    ada: Reader, ben: Reader, nobody: Reader, http: Http, post: str, container: Container
) -> None:
    moderator, stranger = await seated(http, container), await seated(http, container)
    await sql(container, "UPDATE users SET role = 'MODERATOR' WHERE username = :name", name=moderator.username)
    keys = [await comment(ben, post) for _ in range(3)]
    hidden = await comment(ada, await posted(container, ada, visibility=Visibility.PRIVATE))
    async with nothing_written(container):
        for reader, key, code in (
            (stranger, keys[0], "FORBIDDEN"),
            (stranger, hidden, "NOT_FOUND"),
            (moderator, hidden, "NOT_FOUND"),
            (nobody, keys[0], "UNAUTHENTICATED"),
            (stranger, post, "INVALID"),
        ):
            assert [e["code"] for e in (await delete(reader, key))["userErrors"]] == [code]
    for reader, key in zip((ben, ada, moderator), keys, strict=True):
        assert (await delete(reader, key))["deletedCommentId"] == key
    audited = await sql(
        container,
        "SELECT username, resource_id FROM audit_log a JOIN users u ON u.id = a.user_id"
        " WHERE action = 'comment.deleted' ORDER BY a.id",
    )
    told = [("ada", read_global_id(keys[1])[1]), (moderator.username, read_global_id(keys[2])[1])]
    assert audited == told, "what one does to one's own words is not kept"


async def test_ones_own_words_can_be_taken_back_where_one_is_shut_out(
    ada: Reader, ben: Reader, post: str, container: Container
) -> None:
    mine = await comment(ben, post)
    await comment(ada, post, parentId=mine)
    await ada.mutate("block", "user { id }", userId=ben.id)
    assert await delete(ben, mine) == {"comment": None, "deletedCommentId": mine, "post": None, "userErrors": []}
    assert await sql(container, "SELECT text FROM comments WHERE depth = 0") == [(None,)]


# --- the end of an account ---


async def test_an_account_that_goes_leaves_threads_whole_and_counts_right(
    ada: Reader, ben: Reader, http: Http, post: str, container: Container
) -> None:
    cora = await seated(http, container)
    kept = await comment(ben, post, "Kept for its reply.")
    await comment(cora, post, "A reply.", parentId=kept)
    alone = await comment(ben, post, "Alone.")
    of_cora = await comment(cora, post, "Of cora.")
    await comment(ben, post, "Below cora.", parentId=of_cora)
    chain = await comment(cora, post, "Empty above.")
    await comment(ben, post, "Holds the chain.", parentId=chain)
    await delete(cora, chain)
    for target in (post, kept, of_cora):
        for reader in (ben, cora):
            await reader.mutate("like", "liked", targetId=target)
    own = await posted(container, ben)
    await comment(cora, own)
    await ben.mutate("repost", "post { id }", postId=post)
    answer = await ben.mutate("deleteAccount", "deletedUserId", password="correct horse battery")
    assert answer["userErrors"] == []
    assert await outline(ada, post) == [[None, ["A reply."]], ["Of cora."]]
    empty = await node(ada, kept)
    assert (empty["author"], empty["isDeleted"], empty["likeCount"]) == (None, True, 0)
    assert await node(ada, alone) is None
    assert (await node(ada, of_cora))["likeCount"] == 1
    counts = await sql(container, "SELECT like_count, comment_count, repost_count FROM posts")
    assert counts == [(1, 2, 0)]
    assert await counts_are_right(container)


async def test_accounts_that_answered_each_other_go_at_once(http: Http, container: Container) -> None:
    for _ in range(3):
        pair = [await sign_up(http), await sign_up(http)]
        posts = [await posted(container, reader) for reader in pair]
        for key in posts:
            line = [await comment(pair[0], key)]
            for number in range(4):
                line.append(await comment(pair[number % 2], key, parentId=line[-1]))
            for reader in pair:
                for target in (*line, key):
                    await reader.mutate("like", "liked", targetId=target)
        answers = await asyncio.gather(
            *(reader.mutate("deleteAccount", "deletedUserId", password=PASSWORD) for reader in pair)
        )
        assert [answer["userErrors"] for answer in answers] == [[], []]
    assert await sql(container, "SELECT count(*) FROM comments") == [(0,)]
