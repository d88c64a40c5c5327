"""`prepare --time_feature`: days and hours in the baseline by the real command, and what validate says."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from support import e2e

from trueserve.pipelines import cli
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import load_baseline
from trueserve.transforms.verdict.variation import store

DAYS, A_DAY = 40, 300
SECONDS = 86_400 // A_DAY


class Home(NamedTuple):
    folder: Path
    baseline: str
    examples: str
    rows: list[e2e.Row]


def days(count: int, seed: int) -> list[e2e.Row]:
    """Rides of several days, whose distances are all longer or shorter by some hundred miles that day."""
    rng, rows = random.Random(seed), e2e.rides(count * A_DAY, seed)
    for number in range(count):
        longer = rng.randrange(-150, 150)
        for row in rows[number * A_DAY : (number + 1) * A_DAY]:
            row["distance"] = [row["distance"][0] + longer]
    return rows


def timed(rows: list[e2e.Row]) -> list[e2e.Row]:
    return [{**row, "when": [e2e.START + index * SECONDS]} for index, row in enumerate(rows)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    folder = tmp_path_factory.mktemp("days")
    (folder / "features.py").write_text(e2e.FEW_FEATURES)
    rows = timed(days(DAYS, 1))
    random.Random(2).shuffle(rows)
    examples = e2e.write_examples(folder / "training", rows, (2000, 2100))
    made = Home(folder, str(folder / "baseline"), examples, rows)
    assert cli.main(prepare(made, made.baseline, "when")) == 0
    return made


def prepare(home: Home, baseline: object, time_feature: str) -> list[str]:
    return [
        "prepare",
        f"--examples={home.examples}",
        f"--preprocessing={home.folder / 'features.py'}",
        f"--label={e2e.LABEL}",
        f"--time_feature={time_feature}",
        f"--baseline={baseline}",
    ]


def day_of(row: e2e.Row) -> int:
    return int(row["when"][0]) // 86_400


def test_the_days_are_those_counted_in_memory_in_both_spaces(home: Home) -> None:
    baseline = load_baseline(home.baseline)
    assert baseline.variation is not None
    spaces = store.from_bytes(baseline.variation)
    carriers = Counter((day_of(row), row["carrier"][0].decode()) for row in home.rows)
    carrier = spaces["raw"]["day"]["carrier"]
    assert carrier.periods.tolist() == sorted({day for day, _ in carriers})
    for index, day in enumerate(carrier.periods):
        assert carrier.counts[index, :-1].tolist() == [carriers[day, value] for value in carrier.cells.values]
    missing = Counter(day_of(row) for row in home.rows if "delay" not in row)
    delay = spaces["raw"]["day"]["delay"]
    assert (delay.rows - delay.present).tolist() == [missing[day] for day in delay.periods]
    asset = Path(baseline.transform_output, "transform_fn", "assets", "carriers")
    in_order = asset.read_text().splitlines()
    transformed = spaces["transformed"]["day"]["carrier_id"]
    for index, day in enumerate(transformed.periods):
        counted = [carriers[day, in_order[int(value)]] for value in transformed.cells.values]
        assert transformed.counts[index, :-1].tolist() == counted
    assert spaces["raw"].keys() == {"day", "hour"}


def test_neither_label_nor_time_is_counted_and_requests_need_no_time(home: Home) -> None:
    baseline = load_baseline(home.baseline)
    assert baseline.variation is not None
    assert not {e2e.LABEL, "when"} & store.from_bytes(baseline.variation)["raw"]["day"].keys()
    assert "when" not in [feature.name for feature in baseline.schema.feature]
    assert baseline.contract.time_feature == "when"
    assert baseline.contract.periods == {"day": DAYS, "hour": DAYS * 24, "rows_without_time": 0}


def validate(home: Home, folder: Path, rows: list[e2e.Row]) -> dict[str, object]:
    logs = e2e.write_logs(folder / "logs", e2e.requests(rows), (120, 200))
    window = f"--window=2013-07-01T00/PT{24}H"
    argv = ["validate", f"--baseline={home.baseline}", f"--logs={logs}", f"--output={folder / 'out'}", window]
    code = cli.main(argv)
    verdict: dict[str, object] = json.loads((folder / "out" / "verdict.json").read_text())
    assert verdict["exit_code"] == code
    return verdict


def test_a_day_like_training_is_ok_and_one_in_kilometres_is_not(home: Home, tmp_path: Path) -> None:
    day = [{**row, "distance": [row["distance"][0] + 145]} for row in e2e.rides(A_DAY, 77)]
    verdict = validate(home, tmp_path / "like", day)
    assert verdict["verdict"] == "ok"
    [finding] = [finding for finding in verdict["findings"] if finding["feature"] == "distance"]  # type: ignore[attr-defined]
    assert finding["severity"] == "info"
    assert finding["evidence"]["natural"]["unit"] == "day"
    assert finding["evidence"]["p_by_chance"] < 1e-3 < finding["evidence"]["p_value"]
    faulty = validate(home, tmp_path / "unlike", e2e.in_kilometres(day))
    errors = {finding["feature"] for finding in faulty["findings"] if finding["severity"] == "error"}  # type: ignore[attr-defined]
    assert "distance" in errors
    assert errors <= {"distance", "distance_z"}


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        ("nosuch", 2, "--time_feature: the examples have no feature 'nosuch'; they have: carrier, delay"),
        (
            "carrier",
            3,
            "--time_feature: 'carrier' holds no time in a form that is read, such as",
        ),
    ],
)
def test_a_feature_that_holds_no_time_is_refused(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, code: int, message: str
) -> None:
    assert cli.main(prepare(home, tmp_path / "baseline", name)) == code
    errors = capsys.readouterr().err.splitlines()
    assert [line for line in errors if line.startswith(f"trueserve: error: {message}")]
    assert not (tmp_path / "baseline").exists()


@pytest.mark.parametrize("damage", ["gone", "broken"])
def test_a_baseline_whose_days_are_damaged_is_refused(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    copy = tmp_path / "baseline"
    shutil.copytree(home.baseline, copy)
    (copy / layout.VARIATION).unlink()
    if damage == "broken":
        (copy / layout.VARIATION).write_bytes(b"nothing of the kind")
    argv = ["validate", f"--baseline={copy}", f"--logs={home.examples}", f"--output={tmp_path / 'out'}"]
    assert cli.main(argv) == 2
    [line] = [line for line in capsys.readouterr().err.splitlines() if "error" in line]
    assert layout.VARIATION in line
    assert "run trueserve prepare or adopt again" in line
    assert not (tmp_path / "out").exists()


def test_what_is_kept_is_small_beside_the_statistics(home: Home) -> None:
    size = Path(home.baseline, layout.VARIATION).stat().st_size
    features = len(load_baseline(home.baseline).schema.feature)
    assert size < 2 * features * (DAYS + 200) * 60 * np.dtype(np.float32).itemsize
