"""Figures: what the ledger's look like, and that nothing clients say becomes a label."""

from prometheus_client.parser import text_string_to_metric_families

from core import metrics
from core.metrics import Backlog


def ledger(backlog: list[Backlog]) -> dict[tuple[str, str, str], float]:
    families = text_string_to_metric_families(metrics.render(backlog).decode())
    return {
        (sample.name, sample.labels.get("kind", ""), sample.labels.get("state", "")): sample.value
        for family in families
        for sample in family.samples
        if family.name.startswith(("job_queue", "job_ledger", "fanout_queue"))
    }


def test_the_ledger_is_told_by_kind_and_state_with_the_age_of_the_oldest() -> None:
    told = ledger(
        [
            Backlog("fanout_post", "WAITING", 3, 12.5),
            Backlog("fanout_post", "DEAD", 1, 90.0),
            Backlog("run_import", "RUNNING", 2, 4.0),
        ]
    )
    assert told["job_queue_depth", "fanout_post", "waiting"] == 3
    assert told["job_queue_age_seconds", "fanout_post", "waiting"] == 12.5
    assert told["job_ledger_depth", "", "dead"] == 1
    assert told["job_ledger_depth", "", "running"] == 2
    assert told["fanout_queue_depth", "", ""] == 3, "a dead one is not waited for"


def test_an_empty_ledger_is_told_too() -> None:
    told = ledger([])
    assert told["job_ledger_depth", "", "waiting"] == 0
    assert told["fanout_queue_depth", "", ""] == 0


def test_there_are_never_more_kinds_than_fit() -> None:
    told = ledger([Backlog(f"kind {n}", "WAITING", 1, n) for n in range(500)])
    kinds = {kind for name, kind, _ in told if name == "job_queue_depth"}
    assert len(kinds) == 41
    assert told["job_queue_depth", "other", "waiting"] == 460
    assert told["job_queue_age_seconds", "other", "waiting"] == 499
