"""`trueserve explain`: what it prints of an incident, and the one line where there is none."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from scipy import special  # type: ignore[import-untyped]
from support import e2e
from support.page import HOSTILE, make_finding, make_verdict

from trueserve.transforms.verdict.incidents.judged import with_incidents
from trueserve.transforms.verdict.model import (
    Diagnosis,
    FeatureNumbers,
    Finding,
    FindingEvidence,
    ShareChange,
    Space,
)
from trueserve.transforms.verdict.result import Verdict
from trueserve.transforms.verdict.severity import Policy

Capture = pytest.CaptureFixture[str]
PARTS = (ShareChange("400 to 800", 0.1, 0.3),)


def evidence(effect: float, p_value: float, metric: str = "kolmogorov_smirnov") -> FindingEvidence:
    return FindingEvidence(True, True, metric, effect, 0.025, p_value, p_value, 0.001, 900, PARTS)


def explained(*findings: Finding) -> Verdict:
    return with_incidents(make_verdict("skew", findings), (), Policy())


def written(folder: Path, verdict: Verdict) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "verdict.json").write_text(json.dumps(verdict.to_json()))
    return folder


def test_the_worst_incident_is_explained(tmp_path: Path, capsys: Capture) -> None:
    kilometres = Diagnosis("scale or unit", 0.97, "serving is training x 1.609: kilometres for miles?", 1.0)
    findings = [
        make_finding("miles_z", space=Space.TRANSFORMED, raw_features=("miles",)),
        make_finding("miles", evidence=evidence(0.3, 1e-70), diagnosis=kilometres),
        make_finding("temp", evidence=evidence(0.5, 1e-200)),
    ]
    numbers = FeatureNumbers("miles", Space.RAW, 990, 0.25, 0.01, psi=0.5)
    verdict = explained(*findings)
    object.__setattr__(verdict, "features", (numbers,))
    folder = written(tmp_path / "out", verdict)
    for path in (folder, folder / "verdict.json"):
        run = e2e.run(capsys, "explain", str(path))
        text = "\n".join(run.out)
        assert run.code == 0
        assert run.out[0].startswith("error, new: miles is training x 1.609 (kilometres for miles?)")
        # The raw feature before what is computed from it, and nothing of other incidents.
        assert text.index("1. error: miles (raw") < text.index("2. error: miles_z (transformed")
        assert "temp" not in text
        for line in (
            "The effect is 30.0 %: the largest difference of the two distribution functions. The limit",
            "as uncertain as 900 rows of one sample; the largest p that counted is 0.001: no.",
            "moved: 400 to 800: 10.0 % of training, 30.0 % of serving",
            "missing: 25.0 % of serving, 1.00 % of training",
            "population stability index: 0.5",
            "computed from miles",
            "What to do: Look at the client or the job that computes miles.",
        ):
            assert line in text


def test_each_incident_or_one_by_its_id(tmp_path: Path, capsys: Capture) -> None:
    verdict = explained(make_finding("miles"), make_finding("", metric="repeated_rows", space=Space.SET))
    folder = str(written(tmp_path / "out", verdict))
    heads = [line for line in e2e.run(capsys, "explain", folder, "--all").out if line.startswith("error, ")]
    assert len(heads) == len(verdict.incidents) >= 1
    last = verdict.incidents[-1]
    run = e2e.run(capsys, "explain", folder, f"--incident={last.id}")
    assert (run.code, run.out[1]) == (0, f"  id {last.id}")


@pytest.mark.parametrize("effect", [0.045, 0.06, 0.2])
def test_what_is_done_by_hand_gives_the_published_value(
    effect: float, tmp_path: Path, capsys: Capture
) -> None:
    size = 900
    exact = float(special.kolmogorov((size**0.5 + 0.12 + 0.11 / size**0.5) * effect))
    lines = hand(tmp_path, capsys, evidence(effect, exact))
    assert len(lines) == 1
    shown = lines[0].rsplit(", ", 1)[1].rstrip(".")
    assert shown == "below 1e-12" or float(shown) == pytest.approx(exact, rel=0.05)


def test_it_is_not_shown_where_something_else_decided(tmp_path: Path, capsys: Capture) -> None:
    assert hand(tmp_path, capsys, evidence(0.06, 0.9)) == []
    assert hand(tmp_path, capsys, evidence(0.2, 1e-70, "total_variation")) == []


def hand(tmp_path: Path, capsys: Capture, of: FindingEvidence) -> list[str]:
    folder = written(tmp_path / "out", explained(make_finding("a", evidence=of)))
    return [line for line in e2e.run(capsys, "explain", str(folder)).out if "By hand: " in line]


def test_a_verdict_without_incidents(tmp_path: Path, capsys: Capture) -> None:
    run = e2e.run(capsys, "explain", str(written(tmp_path, make_verdict("ok"))))
    assert (run.code, len(run.out)) == (0, 1)
    assert "no incident; the verdict is ok" in run.out[0]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "there is none at"),
        ("[1]", "there is none at"),
        ("{", "there is none at"),
        ('{"format": 7}', "there is none at"),
        ('{"format": 1}', "has format 1, which knows no incidents; validate the window again"),
    ],
)
def test_what_is_no_verdict_is_one_line(
    content: str | None, expected: str, tmp_path: Path, capsys: Capture
) -> None:
    if content is not None:
        (tmp_path / "verdict.json").write_text(content)
    run = e2e.run(capsys, "explain", str(tmp_path))
    assert run.code == 2
    assert expected in e2e.one_error(run)


@pytest.mark.parametrize(
    "changes",
    [
        {"incidents": [{}]},
        {"incidents": [7]},
        {"incidents": [], "window": 7},
        {"findings": [{"incident": "a-000001"}]},
        {"features": None},
    ],
)
def test_what_only_looks_like_a_verdict_is_one_line(
    changes: dict[str, object], tmp_path: Path, capsys: Capture
) -> None:
    incident = {**explained(make_finding("miles")).incidents[0].to_json(), "id": "a-000001"}
    document = {**make_verdict("ok").to_json(), "incidents": [incident], **changes}
    (tmp_path / "verdict.json").write_text(json.dumps(document))
    run = e2e.run(capsys, "explain", str(tmp_path))
    assert run.code == 2
    assert "expected what validate writes" in e2e.one_error(run)


def test_an_id_that_there_is_not_names_those_that_there_are(tmp_path: Path, capsys: Capture) -> None:
    verdict = explained(make_finding("miles"))
    run = e2e.run(capsys, "explain", str(written(tmp_path, verdict)), "--incident=gone-000000")
    assert run.code == 2
    assert e2e.one_error(run).endswith(f"it has {verdict.incidents[0].id}")


@pytest.mark.parametrize("name", HOSTILE)
def test_strangers_text_is_harmless(name: str, tmp_path: Path, capsys: Capture) -> None:
    finding = make_finding(name, message=f"saw {name}", diagnosis=Diagnosis(name, 0.9, name))
    run = e2e.run(capsys, "explain", str(written(tmp_path, explained(finding))), "--all")
    text = "\n".join(run.out)
    assert run.code == 0
    assert not re.search("[\x00-\x09\x0b-\x1f\u202e\u2028]", text)
    assert len(text) < 10_000
