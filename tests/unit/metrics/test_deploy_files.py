"""deploy/prometheus and deploy/grafana: Prometheus' own tool takes them, and they ask for what is written."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

from support.metrics import make_run, program
from support.repo import ROOT

from trueserve.transforms.metrics.families import of_run

RULES = ROOT / "deploy" / "prometheus" / "rules.yml"
DASHBOARD: dict[str, Any] = json.loads((ROOT / "deploy" / "grafana" / "dashboard.json").read_bytes())


def promtool(*arguments: object) -> str:
    """What it prints. Raises AssertionError where it complains."""
    command = [program("promtool", "prometheus"), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_rules_are_valid_and_fire_when_they_should() -> None:
    assert "SUCCESS: 5 rules found" in promtool("check", "rules", RULES)
    assert "SUCCESS" in promtool("test", "rules", RULES.with_name("rules_test.yml"))


def test_every_expression_of_the_dashboard_is_valid(tmp_path: Path) -> None:
    rules = [{"record": f"panel:{at}", "expr": expr} for at, expr in enumerate(expressions())]
    groups = {"groups": [{"name": "dashboard", "rules": rules}]}
    path = tmp_path / "rules.yml"  # JSON is YAML
    path.write_text(json.dumps(groups))
    assert f"SUCCESS: {len(rules)} rules found" in promtool("check", "rules", path)


def test_metrics_that_are_asked_for_are_written_with_these_labels() -> None:
    written = {f.name: {key for labels, _ in f.samples for key, _ in labels} for f in of_run(make_run())}
    variable = DASHBOARD["templating"]["list"][1]["query"]["query"]
    for text in (*expressions(), variable, RULES.read_text()):
        for name, labels in re.findall(r"(trueserve_\w+)(?:\{([^}]*)\})?", text):
            assert name in written
            assert set(re.findall(r"(\w+) *(?:=|!)", labels)) <= written[name]
    # Each metric is somewhere to be seen, the end of the window aside.
    shown = "".join(expressions()) + RULES.read_text()
    assert {name for name in written if name not in shown} == {"trueserve_window_end_timestamp_seconds"}


def test_panels_do_not_overlap_and_have_ids_of_their_own() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
