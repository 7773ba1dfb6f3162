"""A highlight made on one device appears on another: the whole height of the house once."""

from tests.support.api import PASSWORD, Reader

BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
LIVE = """
subscription($device: ID!, $after: String) { highlightChanges(deviceId: $device, after: $after) {
  __typename
  ... on HighlightUpserted { cursor highlight { uuid text note color version book { title } } }
  ... on HighlightRemoved { cursor uuid }
  ... on SyncCaughtUp { cursor }
  ... on ResyncRequired { reason }
} }
"""


async def test_a_highlight_reaches_the_other_device_live(ada: Reader) -> None:
    tablet = await ada.mutate(
        "signIn",
        "token viewer { devices { id name } }",
        login="ADA",
        password=PASSWORD,
        device={"name": "Tablet", "platform": "test"},
    )
    device = tablet["viewer"]["devices"][1]["id"]
    other = Reader(ada.http, tablet["token"])
    async with other.socket() as socket:
        await socket.acknowledged()
        await socket.subscribe(LIVE, device=device, after=None)
        assert (await socket.next())["highlightChanges"]["__typename"] == "SyncCaughtUp"
        made = await ada.mutate(
            "createHighlight",
            "highlight { id uuid version }",
            book=BOOK,
            passage={
                "text": "The lamp does not ask who is at sea.",
                "anchor": {"locationStart": 10, "locationEnd": 46},
            },
            note="for the preface",
        )
        assert not made["userErrors"]
        event = (await socket.next())["highlightChanges"]
        assert event["__typename"] == "HighlightUpserted"
        assert event["highlight"]["uuid"] == made["highlight"]["uuid"]
        assert event["highlight"]["version"] == made["highlight"]["version"]
        assert event["highlight"]["book"]["title"] == "The Lighthouse Ledger"
        await ada.mutate("deleteHighlight", "highlight { deletedAt }", id=made["highlight"]["id"])
        assert (await socket.next())["highlightChanges"]["__typename"] == "HighlightRemoved"
