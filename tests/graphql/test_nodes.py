"""node, nodes, and what is told to whom is not signed in."""

from uuid import uuid4

from core.ids import global_id
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written

NODE = """
query($id: ID!) { node(id: $id) {
  __typename id
  ... on User { username } ... on Book { title } ... on Highlight { text } ... on Device { name } ... on Session { current }
} }
"""
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"


async def things_of(reader: Reader) -> dict[str, str]:
    """Make one thing of each type; their ids by type."""
    made = await reader.mutate(
        "createHighlight",
        "highlight { id book { id } }",
        book={"named": {"title": f"Book of {reader.username}", "authors": []}},
        passage={"text": "Salt keeps what the sea forgets.", "anchor": {}},
    )
    viewer = (await reader.run("{ viewer { sessions { id } devices { id } } }"))["viewer"]
    return {
        "Highlight": made["highlight"]["id"],
        "Book": made["highlight"]["book"]["id"],
        "User": reader.id,
        "Device": viewer["devices"][0]["id"],
        "Session": viewer["sessions"][0]["id"],
    }


async def test_ones_own_things_of_each_type_are_read_by_id(ada: Reader) -> None:
    things = await things_of(ada)
    told = {}
    for kind, key in things.items():
        node = (await ada.run(NODE, id=key))["node"]
        assert (node.pop("__typename"), node.pop("id")) == (kind, key)
        told[kind] = node
    assert told == {
        "Highlight": {"text": "Salt keeps what the sea forgets."},
        "Book": {"title": "Book of ada"},
        "User": {"username": "ada"},
        "Device": {"name": "ada's reader"},
        "Session": {"current": True},
    }
    listed = (await ada.run(NODES, ids=list(things.values())))["nodes"]
    assert [(node["__typename"], node["id"]) for node in listed] == list(things.items())


async def test_what_is_hidden_and_what_is_absent_are_both_null(ada: Reader, ben: Reader, nobody: Reader) -> None:
    things = await things_of(ada)
    absent = [global_id(kind, uuid4()) for kind in things]
    hidden = [key for kind, key in things.items() if kind != "User"]
    for reader in (ben, nobody):
        for key in [*hidden, *absent]:
            assert (await reader.run(NODE, id=key))["node"] is None
        mixed = (await reader.run(NODES, ids=[hidden[0], ada.id, absent[0], ada.id]))["nodes"]
        assert [node and node["id"] for node in mixed] == [None, ada.id, None, ada.id]


async def test_the_viewer_is_null_signed_out_and_a_pull_is_refused(nobody: Reader) -> None:
    assert await nobody.run("{ viewer { email } }") == {"viewer": None}
    error = await nobody.error("{ highlightChanges { cursor } }")
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert error["path"] == ["highlightChanges"]


async def test_one_failing_field_of_a_document_leaves_the_others_their_answers(
    ada: Reader, container: Container
) -> None:
    document = """mutation {
      good: addBook(input: {title: "Tides", authors: []}) { book { title } userErrors { code } }
      bad: addBook(input: {title: "", authors: []}) { book { title } userErrors { code } }
      also: addBook(input: {title: "Foam", authors: []}) { book { title } userErrors { code } }
    }"""
    data = await ada.run(document)
    assert data["good"] == {"book": {"title": "Tides"}, "userErrors": []}
    assert data["bad"] == {"book": None, "userErrors": [{"code": "INVALID"}]}
    assert data["also"] == {"book": {"title": "Foam"}, "userErrors": []}
    async with nothing_written(container):
        answer = await ada.post('{ good: viewer { email } bad: node(id: "nonsense") { id } }')
    assert answer["data"] == {"good": {"email": "ada@example.org"}, "bad": None}
    assert answer["errors"][0]["path"] == ["bad"]
    assert answer["errors"][0]["extensions"]["code"] == "BAD_USER_INPUT"
