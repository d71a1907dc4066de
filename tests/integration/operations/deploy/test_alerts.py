"""The alerts and the dashboard: judged by Prometheus' own tool, and by the series that our code has."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.core import Metric

from virtrigaud_secrets import Resolver
from virtrigaud_secrets.observability import Metrics
from virtrigaud_secrets.operations.managed_secrets import Picture
from virtrigaud_secrets.operations.monitor_series import series
from virtrigaud_secrets.testing import ManualClock

pytestmark = pytest.mark.integration

MONITORING = Path(__file__).parents[4] / "deploy/monitoring"
TESTS = Path(__file__).with_name("alert_tests.yaml")
SERIES = re.compile(r"\b(?:virtrigaud|externalsecret)_[a-z_]+\b")


@pytest.fixture
def promtool(require: Callable[[str], None]) -> Callable[..., str]:
    """Runs Prometheus' tool and gives what it says."""
    program = shutil.which("promtool")
    require("" if program else "no promtool: install Debian's prometheus")

    def run(*words: str, where: Path) -> str:
        done = subprocess.run(
            [str(program), *words], cwd=where, capture_output=True, text=True, check=False, timeout=100
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


def spec() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((MONITORING / "prometheusrule.yaml").read_text())["spec"]
    return found


def rules() -> list[dict[str, Any]]:
    return [rule for group in spec()["groups"] for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    return found


def shown() -> list[str]:
    return [target["expr"] for panel in panels() for target in panel.get("targets", ())]


def test_the_rules_are_sound_and_fire_when_they_should(promtool, tmp_path):
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump(spec()))
    shutil.copy(TESTS, tmp_path)
    assert f"{len(rules())} rules found" in promtool("check", "rules", "--lint-fatal", "rules.yaml", where=tmp_path)
    promtool("test", "rules", TESTS.name, where=tmp_path)


def test_every_alert_is_tested_and_tells_what_to_do():
    tested = {
        case["alertname"]
        for test in yaml.safe_load(TESTS.read_text())["tests"]
        for case in test["alert_rule_test"]
        if case["exp_alerts"]
    }
    assert tested == {rule["alert"] for rule in rules()}
    for rule in rules():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert set(rule["annotations"]) == {"summary", "description"}


def test_no_alert_is_blunted(promtool, tmp_path):
    """A rule that is changed in its number or time no longer passes: the tests are at the edge."""
    text = json.dumps(spec())
    for found, instead in (
        ("+ 300", "+ 400"),
        ("0.2 *", "0.1 *"),
        ("0.15 *", "0.2 *"),
        ('"for": "10m"', '"for": "12m"'),
    ):
        assert found in text
        (tmp_path / "rules.yaml").write_text(text.replace(found, instead))
        shutil.copy(TESTS, tmp_path)
        with pytest.raises(AssertionError, match="FAILED"):
            promtool("test", "rules", TESTS.name, where=tmp_path)


def test_what_the_dashboard_asks_is_promql(promtool, tmp_path):
    asked = [text.replace("$__rate_interval", "5m").replace('=~"$', '=~"') for text in shown()]
    group = {"name": "dashboard", "rules": [{"record": f"panel:{n}", "expr": text} for n, text in enumerate(asked)]}
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [group]}))
    promtool("check", "rules", "rules.yaml", where=tmp_path)


def names(metrics: Iterable[Metric]) -> set[str]:
    return {metric.name + ("_total" if metric.type == "counter" else "") for metric in metrics}


@pytest.fixture
def exported(tmp_path) -> set[str]:
    """Every series that our code has."""
    (tmp_path / "none.yaml").write_text("")
    clock = ManualClock()
    with Resolver.from_path(tmp_path, clock=clock, background=False) as resolver:
        of_resolvers = names(Metrics(resolver, clock=clock).collect())
    of_the_monitor = names(series(Picture(), clock.now()))
    return of_resolvers | of_the_monitor | of_sync()


def of_sync() -> set[str]:
    from virtrigaud_secrets.observability.sync_metrics import SyncMetrics

    return names(SyncMetrics(leads=lambda: True, waiting=lambda: 0).collect())


def test_alerts_and_dashboard_ask_for_series_that_there_are_and_show_them_all(exported):
    in_alerts = set(SERIES.findall(" ".join(rule["expr"] for rule in rules())))
    in_dashboard = set(SERIES.findall(" ".join(shown())))
    assert in_alerts - exported == set()
    assert in_dashboard - exported == set()
    assert exported - in_dashboard == set()


def test_the_dashboard_is_whole():
    identities = [panel["id"] for panel in panels()]
    assert len(set(identities)) == len(identities)
    assert all(panel["title"] for panel in panels())
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {(place["x"] + dx, place["y"] + dy) for dx in range(place["w"]) for dy in range(place["h"])}
        assert not cells & taken, f"{panel['title']} lies on another panel"
        assert max(x for x, _ in cells) < 24
        taken |= cells
