"""The dashboard and the alerts: every expression can be read, and every figure it names is one the server has."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from core import metrics
from core.metrics import Backlog, FeedOutcome, JobOutcome, SocketEnd

DEPLOY = Path(__file__).parents[2] / "deploy"
DASHBOARD = DEPLOY / "grafana" / "commonplace.json"
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
OPERATIONS = DEPLOY.parent / "docs" / "operations.md"
OF_PROMETHEUS = {"up"}


def dashboard_expressions() -> Iterator[tuple[str, str]]:
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$__rate_interval", "5m")


def rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]


EXPRESSIONS = [*dashboard_expressions(), *((rule["alert"], rule["expr"]) for rule in rules())]


def read_by(expression: str) -> list[promql_parser.VectorSelector]:
    """What an expression reads."""
    found: list[promql_parser.VectorSelector] = []

    def look(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)

    promql_parser.walk(promql_parser.parse(expression), look)
    return found


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """Every sample that the server prints, and its labels: everything is made to happen once."""
    metrics.request_answered("/graphql", 200, 0.1)
    with metrics.highlight_operation("create"):
        pass
    for end in SocketEnd:
        metrics.socket_closed(end, 0)
    metrics.error_answered("UNAVAILABLE")
    metrics.entry_created(is_repost=False)
    for became in FeedOutcome:
        metrics.live_entry(became)
    metrics.timeline_read("home", 0.1, cache_hit=True)
    for outcome in JobOutcome:
        metrics.job_ended("fanout_post", outcome, 0.1)
    metrics.delivered(1, 0.1)
    metrics.circuit_state("bus", 0)
    metrics.circuit_opened("bus")
    printed = metrics.render([Backlog("fanout_post", "WAITING", 1, 0.5)]).decode()
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(printed):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels)
    return found


@pytest.mark.parametrize(("name", "expression"), EXPRESSIONS)
def test_what_is_read_is_printed(name: str, expression: str, samples: dict[str, set[str]]) -> None:
    read = read_by(expression)
    assert read, name
    for selector in read:
        if selector.name not in OF_PROMETHEUS:
            assert selector.name in samples, f"{name}: {selector.name}"
            matched = {matcher.name for matcher in selector.matchers.matchers}
            assert matched <= samples[selector.name], f"{name}: {selector.name} has no {matched}"


def test_a_figure_that_is_not_there_and_one_that_cannot_be_read_are_noticed(samples: dict[str, set[str]]) -> None:
    (wrong,) = read_by("sum(rate(http_request_total[5m]))")
    assert wrong.name not in samples
    with pytest.raises(ValueError, match="unclosed"):
        promql_parser.parse("sum(rate(http_requests_total[5m])")


def test_every_figure_of_our_own_is_looked_at_somewhere(samples: dict[str, set[str]]) -> None:
    own = {re.sub(r"_(bucket|sum|count|created)$", "", name) for name in samples}
    own = {name for name in own if not name.startswith(("python_", "process_"))}
    looked_at = {
        re.sub(r"_(bucket|sum|count)$", "", str(selector.name)) for _, text in EXPRESSIONS for selector in read_by(text)
    }
    by_state = {"job_ledger_depth"}
    assert {name.removesuffix("_total") for name in own - by_state} <= {n.removesuffix("_total") for n in looked_at}


def test_every_alert_leads_to_a_page_that_is_there() -> None:
    headings = re.findall(r"^#+ (.+)$", OPERATIONS.read_text(), re.MULTILINE)
    anchors = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    for rule in rules():
        file, _, anchor = rule["annotations"]["runbook"].partition("#")
        assert file == "docs/operations.md", rule["alert"]
        assert anchor in anchors, rule["alert"]
        assert rule["labels"]["severity"] in {"critical", "warning"}
