"""The chain of a device's operations: a copy is told from its original, and nothing else is taken for a copy."""

from dataclasses import dataclass, field
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sync.chain import Link, link

Request = tuple[UUID | None, tuple[UUID, ...]]


@dataclass
class Server:
    """What is kept of one device."""

    end: UUID | None = None
    known: set[UUID] = field(default_factory=set)

    def take(self, request: Request) -> Link:
        previous, ops = request
        found = link(self.end, previous, ops, self.known)
        if found is not Link.BROKEN:
            self.known.update(ops)
        if found is Link.GROWS:
            self.end = ops[-1]
        return found


@dataclass
class Sender:
    """A device that keeps its work until it is told the outcome, and sends it in order."""

    told: UUID | None = None
    queue: list[UUID] = field(default_factory=list)

    def work(self) -> UUID:
        op = uuid4()
        self.queue.append(op)
        return op

    def request(self, most: int) -> Request:
        return self.told, tuple(self.queue[:most])

    def hear(self, request: Request) -> None:
        answered = set(request[1])
        if request[1]:
            self.told = request[1][-1]
        self.queue = [op for op in self.queue if op not in answered]

    def copy(self) -> "Sender":
        return Sender(self.told, list(self.queue))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["work", "push", "lose request", "lose answer", "delay", "arrive late"]), st.integers(1, 5)
    ),
    max_size=60,
)


@settings(max_examples=400, deadline=None)
@given(STEPS, st.booleans())
def test_lost_late_repeated_and_reordered_requests_never_look_like_a_copy(
    steps: list[tuple[str, int]], has_first_id: bool
) -> None:
    server, device = Server(), Sender(told=uuid4() if has_first_id else None)
    sent: list[Request] = []
    for what, number in steps:
        if what == "work":
            device.work()
        elif what == "arrive late" and sent:
            # Any request ever sent may arrive, again or for the first time; nobody hears the answer.
            assert server.take(sent[number % len(sent)]) is not Link.BROKEN
        elif what != "arrive late":
            request = device.request(number)
            sent.append(request)
            if what in ("push", "lose answer"):
                assert server.take(request) is not Link.BROKEN
            if what == "push":
                device.hear(request)
    while device.queue:
        request = device.request(2)
        assert server.take(request) is not Link.BROKEN
        device.hear(request)


@settings(max_examples=300, deadline=None)
@given(
    before=st.integers(0, 4),
    queued=st.integers(0, 3),
    first=st.integers(1, 3),
    second=st.integers(1, 3),
    chunk=st.integers(1, 4),
)
def test_whichever_copy_comes_second_with_work_of_its_own_is_noticed(
    before: int, queued: int, first: int, second: int, chunk: int
) -> None:
    server, device = Server(), Sender(told=uuid4())
    for _ in range(before):
        device.work()
    _push_all(server, device, chunk)
    for _ in range(queued):
        device.work()
    copy = device.copy()
    for _ in range(first):
        device.work()
    for _ in range(second):
        copy.work()
    assert _push_all(server, device, chunk)
    own = set(copy.queue[queued:])
    assert not _push_all(server, copy, chunk)
    assert not server.known & own
    apart = Server(None, server.known)  # a device of its own has a chain of its own
    assert _push_all(apart, copy, chunk)
    assert own <= server.known
    device.work()
    assert _push_all(server, device, chunk), "the original goes on"


def _push_all(server: Server, sender: Sender, most: int) -> bool:
    while sender.queue:
        request = sender.request(most)
        if server.take(request) is Link.BROKEN:
            return False
        sender.hear(request)
    return True


ONE, TWO, THREE, FOUR = (UUID(int=number) for number in range(1, 5))


@pytest.mark.parametrize(
    ("end", "previous", "ops", "known", "expected"),
    [
        (None, None, (ONE,), (), Link.GROWS),
        (None, THREE, (ONE,), (), Link.GROWS),
        (ONE, ONE, (TWO,), (ONE,), Link.GROWS),
        (ONE, None, (ONE, TWO), (ONE,), Link.GROWS),
        (ONE, None, (), (ONE,), Link.LATE),
        (TWO, None, (ONE,), (ONE, TWO), Link.LATE),
        (TWO, ONE, (THREE,), (ONE, TWO), Link.BROKEN),
        (TWO, ONE, (ONE, THREE), (ONE, TWO), Link.BROKEN),
        (TWO, None, (THREE,), (ONE, TWO), Link.GROWS),
        # What another device had taken before, being queued before the copying: it moves this device's chain.
        (ONE, ONE, (TWO, THREE), (ONE, TWO, THREE), Link.GROWS),
        # The outcomes of a long lost answer are forgotten; the end of the chain is in the batch.
        (THREE, ONE, (TWO, THREE, FOUR), (), Link.GROWS),
    ],
)
def test_how_a_batch_stands_to_the_chain(
    end: UUID | None, previous: UUID | None, ops: tuple[UUID, ...], known: tuple[UUID, ...], expected: Link
) -> None:
    assert link(end, previous, ops, known) is expected
