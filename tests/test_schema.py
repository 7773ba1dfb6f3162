"""The schema that clients see: committed as it is printed, described throughout."""

from pathlib import Path

from commands import contract_gaps
from schema.describe import core_schema, undescribed
from schema.root import schema

COMMITTED = Path(__file__).parents[1] / "schema.graphql"


def test_the_committed_schema_is_the_printed_one() -> None:
    assert COMMITTED.read_text() == schema.as_str() + "\n", "run `make schema` and look at the difference"


def test_everything_is_described() -> None:
    assert undescribed(core_schema(schema)) == []


def test_a_new_gap_and_a_closed_one_are_both_told() -> None:
    wrong = contract_gaps.compare({"missing Book.cover: String"}, {"missing Book.spine: String"})
    assert wrong == [
        "new gap, not in contract-gaps.txt: missing Book.cover: String",
        "closed, but still in contract-gaps.txt: missing Book.spine: String",
    ]
    assert contract_gaps.compare({"missing Book"}, {"missing Book"}) == []


def test_the_list_shrinks_to_what_is_left() -> None:
    listed = {"missing Shelf: ObjectTypeDefinitionNode", "missing Book.spine: String", "missing Book.cover: String"}
    found = {"missing Shelf.books: [Book!]!", "missing Book.cover: String", "missing User.shelf: Shelf"}
    assert contract_gaps.shrunk(found, listed) == {"missing Shelf.books: [Book!]!", "missing Book.cover: String"}
