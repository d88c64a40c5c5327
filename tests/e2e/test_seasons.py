"""A year of training with its times, and months of the next one, by the real commands."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from support import e2e
from support.verdict_schema import VERDICT_SCHEMA

from trueserve.pipelines import cli

HOUR = 3600
#: 2013-01-01 and 2014-07-01, in hours since 1970.
FIRST, JULY = 376_944, 390_048
YEAR, MONTH = 365 * 24, 31 * 24


class Year(NamedTuple):
    folder: Path
    baseline: str


def hours(
    first: int, count: int, seed: int, month_of: Callable[[int], int] = lambda hour: hour
) -> list[e2e.Row]:
    """A ride an hour, longer in summer: as if the hour were that which `month_of` gives."""
    rng, rows = random.Random(seed), e2e.rides(count, seed)
    longer = 0.0
    for index, row in enumerate(rows):
        if index % 24 == 0:
            longer = 0.8 * longer + rng.gauss(0, 60)
        season = -math.cos(2 * math.pi * (month_of(first + index) - FIRST) / 24 / 365.25)
        row["distance"] = [float(round(1200 + 500 * season + longer + rng.gauss(0, 100)))]
        row["when"] = [(first + index) * HOUR]
    return rows


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    folder = tmp_path_factory.mktemp("year")
    (folder / "features.py").write_text(e2e.FEW_FEATURES)
    examples = e2e.write_examples(folder / "training", hours(FIRST, YEAR, 1), (3000, 6000))
    made = Year(folder, str(folder / "baseline"))
    argv = [
        "prepare",
        f"--examples={examples}",
        f"--preprocessing={folder / 'features.py'}",
        f"--label={e2e.LABEL}",
        "--time_feature=when",
        f"--baseline={made.baseline}",
    ]
    assert cli.main(argv) == 0
    return made


def validate(year: Year, output: Path, rows: list[e2e.Row], *flags: str) -> dict[str, Any]:
    name = f"logs-{len(list(output.parent.iterdir()))}"
    logs = e2e.write_examples(output.parent / name, e2e.requests(rows), (300,))
    argv = ["validate", f"--baseline={year.baseline}", f"--logs={logs}", f"--output={output}"]
    code = cli.main([*argv, "--format=tf_example", *flags])
    verdict: dict[str, Any] = json.loads((output / "verdict.json").read_text())
    assert verdict["exit_code"] == code
    VERDICT_SCHEMA.validate(verdict)
    return verdict


def features(verdict: dict[str, Any], severity: str) -> set[str]:
    return {finding["feature"] for finding in verdict["findings"] if finding["severity"] == severity}


def test_july_is_ok_and_with_the_rides_of_january_it_is_not(year: Year, tmp_path: Path) -> None:
    clean = validate(year, tmp_path / "clean", hours(JULY, MONTH, 7), "--window=2014-07")
    assert clean["verdict"] == "ok"
    wrong = hours(JULY, MONTH, 8, month_of=lambda hour: hour - 181 * 24)
    faulty = validate(year, tmp_path / "faulty", wrong, "--window=2014-07")
    assert faulty["verdict"] == "skew"
    assert features(faulty, "error") == {"distance", "distance_z"}
    [finding] = [f for f in faulty["findings"] if f["feature"] == "distance" and f["severity"] == "error"]
    assert finding["evidence"]["natural"]["unit"] == "day"
    assert finding["evidence"]["natural"]["length"] == 31
    assert finding["evidence"]["natural"]["matched"] > 40


def test_a_fall_from_one_month_to_the_next_is_a_warning(year: Year, tmp_path: Path) -> None:
    output = tmp_path / "out"
    validate(year, output, hours(JULY, MONTH, 7), "--window=2014-07", "--previous=auto")
    august = hours(JULY + MONTH, MONTH, 9)
    like = validate(year, tmp_path / "out", august, "--window=2014-08", "--previous=auto")
    assert like["verdict"] == "ok"
    assert "distance" not in features(like, "warning")
    fallen = [{**row, "distance": [row["distance"][0] - 700]} for row in august]
    verdict = validate(year, output, fallen, "--window=2014-08", "--previous=auto")
    drift = {f["feature"] for f in verdict["findings"] if f["kind"] == "drift" and f["severity"] == "warning"}
    assert drift >= {"distance"}
