"""The rules of an offline device, without any network: what to send, and what to make of what comes back.

One rule keeps it right: **what the server tells is taken only if it goes on from where this device stands.** A `Position` is
where it stands (a cursor, in a run of pulls that began at nothing). Each request carries the position it was made at; its answer is
taken, rows and new cursor in one transaction, if the device still stands there, and is otherwise ignored: asking again costs a round
trip, taking it could skip a change for ever. The other rules:

- What the user does is queued before it is shown as done. An operation leaves the queue when its outcome has arrived, not
  before, and is sent again unchanged until then: its id lets the server do it once.
- Nothing is suppressed: what this device did comes back and is applied like everything else. What the user sees is what
  the server told, with the waiting operations put on top again.
- An operation that is refused leaves the queue too, so that it holds up nobody, and is kept with its content and the reason.
"""

from collections.abc import Sequence
from dataclasses import replace

from device.errors import Refused, raise_user_errors
from device.ids import uuid7
from device.requests import IGNORED, OPS_MOST, PAGE, Position, PullRequest, PushRequest, Taken
from device.resync import Resync
from device.store import Json, Op, Told

BATCH_CHARACTERS = 500_000
"""Fewer operations are sent at once when they are long: the server takes 4 MiB, and a character may need six bytes."""


class Engine(Resync):
    """Apply the rules to a store. Its steps are methods, so that a test can break one and show that it is noticed."""

    # --- push ---

    def next_push(self, limit: int = OPS_MOST) -> PushRequest | None:
        """Tell what to send now: the oldest operations that wait, as often as it takes, unchanged; None when there is nothing."""
        with self.store.transaction():
            ops = [] if self.must_pull_first() else self.batch(limit)
            if not ops:
                return None
            for op in ops:
                self.leaving(op)
            return self._request(ops)

    def probe(self) -> PushRequest:
        """Make a push of nothing: whether the server takes it tells if an operation is to blame for a refusal."""
        return self._request([])

    def _request(self, ops: Sequence[Op]) -> PushRequest:
        previous = self.store.get("previous_op_id")
        return PushRequest(self.position, tuple(ops), self.store.get("device_id", ""), self.now(), previous)

    def batch(self, limit: int) -> list[Op]:
        """Choose what to send: in the order done, at least one, not too much at once."""
        ops: list[Op] = []
        room = BATCH_CHARACTERS
        for op in self.store.queue(min(limit, OPS_MOST)):
            room -= len(str(op.change))
            if ops and room < 0:
                break
            ops.append(op)
        return ops

    def leaving(self, op: Op) -> None:
        """Note that an operation is about to be sent. It stays in the queue."""
        self.store.count_send(op.op_id)

    def take_push(self, request: PushRequest, answer: Json) -> Taken:
        """Take the payload of a push: outcomes, the rows they left, and the page that goes on from the request's cursor."""
        with self.store.transaction():
            if not self.continues(request.position):
                # The rows in it could be older than what is held. The operations wait on; sent again, they answer the same.
                return IGNORED
            refused = self._refusal(answer)
            if refused is not None:
                return refused
            results = {str(result["opId"]).lower(): result for result in answer["results"]}
            told = [self.settle(op, results[op.op_id]) for op in request.ops if op.op_id in results]
            self._learn_time(request, results)
            if told:
                self.store.put(previous_op_id=told[-1].op_id)
            page = answer.get("changes")
            taken = self.take_page(request, page) if page else Taken(taken=True)
            return replace(taken, told=told)

    def _refusal(self, answer: Json) -> Taken | None:
        errors, page = answer["userErrors"], answer.get("changes") or {}
        if errors and page.get("resync"):
            return self.take_resync(page["resync"])
        if any(e["code"] == "CONFLICT" and (e.get("field") or [""])[-1] == "previousOpId" for e in errors):
            return Taken(taken=True, copied=True)
        raise_user_errors(errors)
        return None

    def settle(self, op: Op, result: Json) -> Told:
        """Take the outcome of an operation: it leaves the queue, its content and what became of it stay."""
        fork = result.get("fork")
        for body in (result.get("highlight"), fork):
            if body is not None:
                self._hold(body)
        told = Told(
            *(op.op_id, op.uuid, op.done_at, op.change, result["outcome"], fork["uuid"] if fork else None),
            *(result.get("error"), self.there().isoformat()),
        )
        if self.store.waits(op.op_id):
            self.store.remove(op.op_id)
            self._revive(op, result)
        if not op.offer or told.outcome in ("REJECTED", "FORKED"):
            self.store.tell(told)
        return told

    def _hold(self, body: Json) -> None:
        self.store.save_row(body, self.position.generation)
        if body.get("deletedAt"):
            self.store.bury(body["uuid"], body["deletedAt"])

    def refuse(self, op: Op, problem: Refused) -> None:
        """Take an operation out of the queue that the server cannot even read; it is kept with the reason."""
        with self.store.transaction():
            error = {"code": problem.code, "message": problem.message, "field": None}
            now = self.there().isoformat()
            self.store.tell(Told(op.op_id, op.uuid, op.done_at, op.change, "REJECTED", None, error, now))
            self.store.remove(op.op_id)

    def separated(self, token: str, device_id: str) -> None:
        """Go on as a device of its own, after a copy was noticed. Rows, queue and cursor stay: they are the user's."""
        self.store.put(token=token, device_id=device_id, previous_op_id=uuid7())

    # --- pull ---

    def next_pull(self, first: int = PAGE) -> PullRequest:
        """Tell which page to ask for."""
        with self.store.snapshot():
            return PullRequest(self.position, self.store.get("device_id", ""), first)

    def take_page(self, request: PullRequest | PushRequest, page: Json) -> Taken:
        """Apply a page and its cursor, if it goes on from where the device stands."""
        with self.store.transaction():
            if not self.continues(request.position):
                return IGNORED
            if page["resync"]:
                return self.take_resync(page["resync"])
            for change in page["changes"]:
                self.apply(change)
            self.store.put(cursor=page["cursor"])
            if not page["hasMore"]:
                self._complete()
            return Taken(taken=True, changes=page["changes"], has_more=page["hasMore"])

    def take_event(self, position: Position, event: Json) -> Taken:
        """Apply an event of the subscription that stands at `position`: where it began, or its last event left the device."""
        with self.store.transaction():
            if not self.continues(position):
                return IGNORED
            if event["__typename"] == "ResyncRequired":
                return self.take_resync(event["reason"])
            applied = event["__typename"] != "SyncCaughtUp"
            if applied:
                self.apply(event)
            self.store.put(cursor=event["cursor"])
            if not applied:
                self._complete()
            return Taken(taken=True, changes=[event] if applied else [])

    def apply(self, change: Json) -> None:
        """Apply one change, this device's own as well."""
        if change["__typename"] == "HighlightRemoved":
            self.store.bury(change["uuid"], change["removedAt"])
        else:
            self.store.save_row(change["highlight"], self.position.generation)
