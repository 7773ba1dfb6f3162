"""Posts: written, read, listed, deleted, restored."""

from tests.support.api import Reader
from tests.support.posting import act, post, posts_of, read


async def test_what_is_written_is_what_is_read(ada: Reader, ben: Reader) -> None:
    made = await post(ada, "  The *lamp* of #Lighthouse keepers, dear @BEN  ")
    assert made["text"] == "The *lamp* of #Lighthouse keepers, dear @BEN"
    assert (made["hashtags"], made["mentions"]) == (["lighthouse"], [{"username": "ben"}])
    assert made["author"]["username"] == "ada"
    assert (made["visibility"], made["isHidden"], made["deletedAt"]) == ("PUBLIC", False, None)
    assert await read(ben, made["id"]) == made
    node = await ben.run("query($id: ID!) { node(id: $id) { ... on Post { text } } }", id=made["id"])
    assert node["node"] == {"text": made["text"]}
    assert await posts_of(ben, "ada") == [made["text"]]


async def test_deleting_and_restoring(ada: Reader, ben: Reader) -> None:
    made = await post(ada, "soon gone")
    for _ in range(2):
        assert (await act(ada, "deletePost", made["id"]))["deletedPostId"] == made["id"]
        assert await read(ada, made["id"]) is None
    for _ in range(2):
        assert (await act(ada, "restorePost", made["id"]))["post"] == made
        assert await read(ben, made["id"]) == made
