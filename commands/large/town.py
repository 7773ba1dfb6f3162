"""The whole data set, in the order in which its rows may be written."""

from collections.abc import Iterator

from commands.large.answers import Answers
from commands.large.library import Library
from commands.large.people import People
from commands.large.plan import Load, Plan
from commands.large.writing import Writing


class Town:
    """Everything that is drawn before the first row is made: the graph, shelves, who wrote what, how much it was liked."""

    def __init__(self, plan: Plan) -> None:
        self.people = People(plan)
        self.library = Library(plan, self.people)
        self.writing = Writing(plan, self.people, self.library)
        self.answers = Answers(plan, self.people, self.writing)

    def loads(self, password_hash: str) -> Iterator[Load]:
        """Make the rows of all tables; take each load to its end before the next."""
        yield from self.people.loads(self.writing.post_counts, self.library.seqs, password_hash)
        yield from self.library.loads()
        yield from self.writing.loads(self.answers.counts)
        yield from self.answers.loads()
