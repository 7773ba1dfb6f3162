"""Make, change and read highlights through the API."""

from typing import Any

from tests.support.api import Reader

FIELDS = """id uuid text note color visibility version createdAt updatedAt deletedAt restorableUntil
  anchor { locationStart locationEnd prefix suffix cfi page percent } book { title authors } owner { username } conflictOf { id }"""
PAYLOAD = f"highlight {{ {FIELDS} }} fork {{ id }}"
BOOK = {"named": {"title": "The Lighthouse Ledger", "authors": ["Ida Marsh"]}}
TEXT = "The lamp does not ask who is at sea."


async def create(reader: Reader, text: str = TEXT, **more: Any) -> Any:
    """Make a highlight that must be taken; all its fields."""
    input_ = {"book": BOOK, "passage": {"text": text, "anchor": {}}} | more
    payload = await reader.mutate("createHighlight", PAYLOAD, **input_)
    assert not payload["userErrors"], payload
    assert payload["fork"] is None
    return payload["highlight"]


async def change(reader: Reader, mutation: str, key: str, **more: Any) -> Any:
    """Edit, delete or restore a highlight, which must go well; all its fields."""
    payload = await reader.mutate(mutation, PAYLOAD, id=key, **more)
    assert not payload["userErrors"], payload
    return payload["highlight"]


async def read(reader: Reader, key: str) -> Any:
    """Read a highlight; None where there is none to be seen."""
    return (await reader.run(f"query($id: ID!) {{ highlight(id: $id) {{ {FIELDS} }} }}", id=key))["highlight"]


async def codes(reader: Reader, mutation: str, **input_: Any) -> list[tuple[str, str]]:
    """Try a mutation that must be refused; where and why."""
    payload = await reader.mutate(mutation, "highlight { id }", **input_)
    assert payload["highlight"] is None
    return [("/".join(e["field"] or ()), e["code"]) for e in payload["userErrors"]]
