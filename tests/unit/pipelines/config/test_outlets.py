"""Whom a verdict is told to, as a model's file says."""

from __future__ import annotations

import tomllib

import pytest

from trueserve.pipelines.config import outlets, toml_lines
from trueserve.pipelines.config.outlets import Outlets
from trueserve.pipelines.config.problems import Problems
from trueserve.transforms.alerts.secrets import Secret

ALERT = '[[alerts]]\nname = "team"\ntype = "slack"\nurl = "env:SLACK"\n'


def parsed(text: str, folder: str = "") -> tuple[Outlets, list[tuple[int | None, str]]]:
    problems = Problems(toml_lines.lines_of(text))
    result = outlets.parse(tomllib.loads(text), problems, folder)
    return result, [(problem.line, problem.message) for problem in problems.collected]


def test_all_outlets_are_read() -> None:
    result, problems = parsed(
        f'page_url = "https://pages.example/skew"\n{ALERT}[metrics]\ntextfile = "/var/lib/t.prom"\n'
        'pushgateway = "http://localhost:9091"\nlineage = "events.jsonl"\n'
    )
    assert problems == []
    assert [alert.name for alert in result.alerts] == ["team"]
    metrics = result.metrics
    assert (result.page_url, metrics.textfile) == ("https://pages.example/skew", "/var/lib/t.prom")
    assert (metrics.pushgateway, metrics.lineage) == ("http://localhost:9091", "events.jsonl")


def test_a_gateway_with_a_password_is_a_reference() -> None:
    result, problems = parsed('[metrics]\npushgateway = "env:GATEWAY"\n')
    assert (result.metrics.pushgateway, problems) == (Secret("env:GATEWAY"), [])
    _, problems = parsed('[metrics]\npushgateway = "http://me:hushhush@host"\n')
    assert [line for line, _ in problems] == [2]
    assert "hushhush" not in problems[0][1]


def test_files_are_relative_to_the_file_that_names_them() -> None:
    result, _ = parsed('[metrics]\ntextfile = "t.prom"\nlineage = "/x/e.jsonl"\n', "/etc/models")
    assert (result.metrics.textfile, result.metrics.lineage) == ("/etc/models/t.prom", "/x/e.jsonl")


def test_nothing_is_an_outlet_of_its_own() -> None:
    assert parsed("") == (Outlets(), [])


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('page_url = "ftp://x"\n', 1, "page_url: expected a URL"),
        ("page_url = 3\n", 1, "page_url: expected a URL"),
        ('[metrics]\ntextfile = "t.txt"\n', 2, "metrics.textfile: expected a local file"),
        ('[metrics]\ntextfile = "gs://b/t.prom"\n', 2, "metrics.textfile: expected a local file"),
        ('[metrics]\ntextfiel = "t.prom"\n', 2, "metrics.textfiel: is no key here; did you mean textfile?"),
        ('[metrics]\nlineage = ""\n', 2, "metrics.lineage: expected a line"),
        ("metrics = 3\n", 1, "metrics: expected a table"),
        ("alerts = 3\n", 1, "alerts: expected at most 100 tables"),
        (f'{ALERT}[[alerts]]\nname = "b"\ntype = "slak"\n', 7, "alerts[1].type: expected slack or"),
        ('[[alerts]]\nname = "b"\ntype = "slack"\nurl = "https://hooks"\n', 4, "alerts[0].url: expected a"),
    ],
)
def test_what_is_wrong_has_its_line(text: str, line: int, message: str) -> None:
    _, problems = parsed(text)
    assert [number for number, _ in problems] == [line]
    assert problems[0][1].startswith(message)


def test_all_that_is_wrong_is_named_at_once() -> None:
    _, problems = parsed("page_url = 1\n[metrics]\ntextfile = 2\npushgateway = 3\nlineage = 4\n")
    assert sorted(line for line, _ in problems if line) == [1, 3, 4, 5]
