"""What operators watch: dashboard and alerts ask only for what the processes tell."""

import json
import re
from collections.abc import Iterator
from typing import Any

import promql_parser
import pytest
import yaml

from answerable.kit.telemetry import registry
from tests.support.needs import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
RUNBOOK = REPOSITORY / "docs" / "operations" / "runbook.md"
# What Prometheus itself says of every job, and the labels that the scrape configuration adds.
PROMETHEUS = {"up": {"role"}, "ALERTS": {"alertname", "alertstate"}}
SCRAPED = {"job", "instance", "role"}
SECTIONS = ("**Means.**", "**Look first.**", "**Mend.**", "**Escalate.**")


def told() -> dict[str, set[str]]:
    """Every series that a process can tell, and its labels."""
    found: dict[str, set[str]] = {}
    for collector in registry._collector_to_names:
        labels = set(getattr(collector, "_labelnames", ()))
        for name in registry._collector_to_names[collector]:
            found[name] = labels | ({"le"} if name.endswith("_bucket") else set())
    return found


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    board = json.loads((DEPLOY / "grafana" / "answerable.json").read_text())
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def scaling() -> list[str]:
    path = DEPLOY / "kubernetes" / "components" / "queue-autoscaling" / "scaled-objects.yaml"
    return [
        trigger["metadata"]["query"]
        for document in yaml.safe_load_all(path.read_text())
        for trigger in document["spec"]["triggers"]
    ]


EXPRESSIONS = [
    *[(rule["alert"], rule["expr"]) for rule in rules()],
    *[(panel["title"], target["expr"]) for panel in panels() for target in panel["targets"]],
    *[("autoscaling", query) for query in scaling()],
]


def selectors(expression: Any) -> Iterator[promql_parser.VectorSelector]:
    found: list[promql_parser.VectorSelector] = []

    def visit(node: Any) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            found.append(node)
        elif isinstance(node, promql_parser.MatrixSelector):
            found.append(node.vector_selector)
        return True

    promql_parser.walk(expression, visit)
    yield from found


@pytest.mark.parametrize(("where", "text"), EXPRESSIONS)
def test_an_expression_asks_for_what_is_told(where: str, text: str) -> None:
    known = {**told(), **PROMETHEUS}
    asked = list(selectors(promql_parser.parse(text)))

    assert asked, where
    for selector in asked:
        assert selector.name in known, f"{where}: nobody tells {selector.name}"
        labels = {matcher.name for matcher in selector.matchers.matchers}
        assert labels <= known[selector.name] | SCRAPED, f"{where}: {selector.name} has no such"


def test_every_alert_says_what_to_do() -> None:
    page = RUNBOOK.read_text()
    for rule in rules():
        name = rule["alert"]
        assert rule["labels"]["severity"] in ("warning", "critical"), name
        assert rule["annotations"]["summary"], name
        assert rule["annotations"]["runbook_url"].endswith(
            f"docs/operations/runbook.md#{name.lower()}"
        )
        _, heading, rest = page.partition(f"\n## {name}\n")
        assert heading, f"the runbook has no section {name}"
        section = rest.partition("\n## ")[0]
        assert [part for part in SECTIONS if part not in section] == [], name


def test_the_runbook_has_no_section_without_an_alert() -> None:
    headings = set(re.findall(r"^## (Answerable\w+)$", RUNBOOK.read_text(), re.MULTILINE))

    assert headings == {rule["alert"] for rule in rules()}


def test_every_metric_is_documented() -> None:
    page = (REPOSITORY / "docs" / "reference" / "metrics.md").read_text()
    series = ("_created", "_bucket", "_sum", "_count")
    names = {name for name in told() if not name.endswith(series)}
    # A counter is registered under both of its names; the page has the one that is told.
    told_of = {name for name in names if f"{name}_total" not in names}

    assert [name for name in sorted(told_of) if f"`{name}`" not in page] == []


def test_the_dashboard_has_no_two_panels_in_one_place() -> None:
    board = json.loads((DEPLOY / "grafana" / "answerable.json").read_text())
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])


def test_prometheus_finds_every_role() -> None:
    document = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yaml").read_text())
    (job,) = document["scrape_configs"]

    assert job["job_name"] == "answerable"
    assert job["dns_sd_configs"][0]["names"] == ["gateway", "worker", "scheduler", "connector"]
    assert document["rule_files"] == ["alerts.yaml"]
