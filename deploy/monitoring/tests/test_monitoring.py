"""The alert rules and the dashboard ask for metrics that the code has, and every alert is tested and says what to do."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[1]
ROOT = FOLDER.parents[1]
REGISTERED = re.compile(r"\b(Counter|Gauge|Histogram)\(\s*\"(slotstream_\w+)\"")
USED = re.compile(r"\bslotstream_\w+")
SUFFIXES = {"Counter": ("_total",), "Gauge": ("",), "Histogram": ("_bucket", "_count", "_sum")}


def metrics_of_the_code() -> set[str]:
    sources = [*ROOT.glob("libs/*/src/**/*.py"), *ROOT.glob("services/*/src/**/*.py")]
    found = [match.groups() for source in sources for match in REGISTERED.finditer(source.read_text())]
    assert found
    return {name.removesuffix("_total") + suffix for kind, name in found for suffix in SUFFIXES[kind]}


def rules() -> Iterator[dict[str, Any]]:
    for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]:
        yield from group["rules"]


def test_alerts_ask_for_metrics_that_exist() -> None:
    asked = {name for rule in rules() for name in USED.findall(rule["expr"])}

    assert asked - metrics_of_the_code() == set()


def test_the_dashboard_asks_for_metrics_that_exist() -> None:
    dashboard = json.loads((FOLDER / "dashboard.json").read_text())
    expressions = [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    asked = {name for expression in expressions for name in USED.findall(expression)}

    assert asked - metrics_of_the_code() == set()


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    for rule in rules():
        assert rule["labels"]["severity"] in {"page", "ticket"}, rule["alert"]
        assert rule["annotations"].keys() == {"summary", "action"}, rule["alert"]


def test_every_paging_alert_has_a_test_of_its_own() -> None:
    tests = yaml.safe_load((FOLDER / "alerts_test.yml").read_text())["tests"]
    tested = {case["alertname"] for test in tests for case in test["alert_rule_test"]}
    paging = {rule["alert"] for rule in rules() if rule["labels"]["severity"] == "page"}

    assert paging - tested == set()
