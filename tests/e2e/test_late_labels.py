"""`trueserve join --labels`: labels in files of every kind meet logged predictions, and judge an estimate."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support import e2e
from support import logs as examples
from support import replay as support
from support.homes import SERVING_CUTS, Home, Served

from trueserve.pipelines import cli
from trueserve.transforms.joining import split
from trueserve.transforms.performance import record
from trueserve.transforms.predictions.outputs import rounded

Capture = pytest.CaptureFixture[str]
Json = dict[str, Any]
Rows = Sequence[tuple[int, Any]]  # a ride and its label


class World(NamedTuple):
    """Attributes:
    logs: requests with the id `ride` and their answers, in several files.
    model: exported, with a record of performance; verdict: of validate, with the estimate.
    scores, labels: of each ride, by its id.
    """

    logs: str
    model: str
    verdict: str
    scores: Any
    labels: Any


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, home: Home, served: Served) -> World:
    folder = tmp_path_factory.mktemp("late")
    rows = [{**row, "ride": [number]} for number, row in enumerate(home.serving)]
    logged = support.write_logs(folder / "logs", rows, served.right, cuts=SERVING_CUTS)
    scores = rounded(served.right["late"]).astype(float)
    labels = (np.random.default_rng(7).random(len(scores)) < scores[:, 0]).astype(int)
    before = (np.random.default_rng(8).random(len(scores)) < scores[:, 0]).astype(float)
    model = folder / "1"
    shutil.copytree(served.version, model)
    recorded = record.record("late", "late", scores, before.tolist(), None)
    (model / "assets.extra" / "performance.json").write_bytes(recorded.to_bytes())
    flags = (f"--baseline={home.baseline}", f"--logs={logged}", f"--output={folder / 'skew'}", "--spaces=raw")
    assert cli.main(["validate", *flags, f"--predictions={model}"]) in (0, 1)
    return World(logged, str(model), str(folder / "skew"), scores[:, 0], labels)


def join(capsys: Capture, world: World, labels: str, output: Path, *more: str) -> tuple[e2e.Run, Json]:
    flags = (f"--labels={labels}", f"--logs={world.logs}", f"--predictions={world.model}", "--key=ride")
    run = e2e.run(capsys, "join", *flags, f"--output={output}", *more)
    path = output / "performance.json"
    return run, json.loads(path.read_bytes()) if path.exists() else {}


def write_csv(path: Path, rows: Rows) -> None:
    lines = [f"{ride},{'' if label is None else label},x" for ride, label in rows]
    path.write_text("\n".join(["ride,late,other", *lines]) + "\n")


def write_json(path: Path, rows: Rows) -> None:
    path.write_text("".join(json.dumps({"late": label, "ride": ride}) + "\n" for ride, label in rows))


def write_parquet(path: Path, rows: Rows) -> None:
    rides, labels = zip(*rows, strict=True)
    pq.write_table(pa.table({"ride": pa.array(rides), "late": pa.array(labels)}), path)


def write_examples(path: Path, rows: Rows) -> None:
    made = [{"ride": [ride]} | ({} if label is None else {"late": [label]}) for ride, label in rows]
    examples.write_records(path, [examples.example(**row) for row in made])


def plain(scores: Any, labels: Any) -> dict[str, float]:
    """The metrics, computed on the rows."""
    positive, negative = scores[labels == 1], np.sort(scores[labels == 0])
    wins = np.searchsorted(negative, positive, "left") + np.searchsorted(negative, positive, "right")
    return {
        "auc": wins.sum() / (2 * len(positive) * len(negative)),
        "log_loss": -np.log(np.where(labels == 1, scores, 1 - scores)).mean(),
        "brier": ((scores - labels) ** 2).mean(),
        "accuracy": ((scores >= 0.5) == labels).mean(),
    }


@pytest.mark.parametrize(
    ("write", "suffix"),
    [(write_csv, "csv"), (write_json, "jsonl"), (write_parquet, "parquet"), (write_examples, "tfrecord")],
)
def test_labels_of_every_kind_give_the_metrics_of_the_matched_rows(
    write: Any,
    suffix: str,
    world: World,
    tmp_path: Path,
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of 9,000 rides ten labels are missing, two keys stand twice, and 50 were never requested."""
    rows: list[tuple[int, Any]] = list(enumerate(world.labels[:9000].tolist()))
    missing, twice = range(100, 110), (200, 300)
    rows = [(ride, None if ride in missing else label) for ride, label in rows]
    rows += [(ride, 1) for ride in (*twice, *range(20_000, 20_050))]
    for number, part in enumerate((rows[:4000], rows[4000:])):
        write(tmp_path / f"part-{number}.{suffix}", part)
    monkeypatch.setattr(split, "PARTITION_BYTES", 200_000)  # several partitions

    run, document = join(capsys, world, str(tmp_path / f"*.{suffix}"), tmp_path / "out")

    assert (run.code, document["result"]) == (0, "fine")
    used = np.setdiff1d(np.arange(9000), [*missing, *twice])
    counts = document["counts"]
    assert (counts["rows"], counts["without_label"], counts["duplicate_keys_in_labels"]) == (len(used), 10, 2)
    assert (counts["keys_only_in_labels"], counts["keys_only_in_requests"]) == (50, len(world.scores) - 9000)
    truth = plain(world.scores[used], world.labels[used])
    metrics = document["metrics"]
    assert metrics["auc"]["true"] == pytest.approx(truth.pop("auc"), abs=1e-3)
    assert {name: metrics[name]["true"] for name in truth} == pytest.approx(truth, rel=1e-6)
    assert all(m["low"] < m["true"] < m["high"] for m in metrics.values())
    assert all(m["truth_is"] is None and m["estimate"] is None for m in metrics.values())
    assert document["why_no_estimate"] == "--verdict was not given"


def test_an_estimate_is_judged_by_the_truth_and_a_concept_shift_is_named(
    world: World, tmp_path: Path, capsys: Capture
) -> None:
    right, wrong, few = (tmp_path / f"{name}.csv" for name in ("right", "wrong", "few"))
    write_csv(right, list(enumerate(world.labels.tolist())))
    turned = (world.scores < np.median(world.scores)).astype(int).tolist()
    write_csv(wrong, list(enumerate(turned)))
    write_csv(few, list(enumerate(turned[:12])))
    limits = tmp_path / "limits.toml"
    limits.write_text("format = 1\n[performance]\nauc_drop = 0.05\nmae_rise = 1\n")
    more = (f"--verdict={world.verdict}", f"--thresholds={limits}")

    run, document = join(capsys, world, str(right), tmp_path / "a", *more)

    assert (run.code, document["metrics"]["auc"]["limit_passed"]) == (0, False)
    assert document["not_checked"] == ["mae_rise"]
    held = [metric["truth_is"] for metric in document["metrics"].values()]
    assert held.count("within") >= 3
    published = e2e.verdict(Path(world.verdict))["performance"]["metrics"]
    estimates = {name: metric["estimate"]["estimate"] for name, metric in document["metrics"].items()}
    assert estimates == {name: metric["estimate"] for name, metric in published.items()}
    assert "the estimate's interval holds the truth" in "\n".join(run.out)

    run, document = join(capsys, world, str(wrong), tmp_path / "b", *more)

    assert (run.code, document["result"]) == (1, "worse")
    assert document["metrics"]["auc"]["truth_is"] == "worse"
    text = "\n".join(run.out)
    assert "worse than the estimate's interval: a concept shift, or confidently wrong predictions" in text
    assert "auc: worse than at export by" in text

    run, document = join(capsys, world, str(few), tmp_path / "c", *more)

    assert {metric["truth_is"] for metric in document["metrics"].values()} <= {"unsure", "within", "worse"}
    assert document["counts"]["rows"] == 12


def test_bad_input_is_one_line_and_a_documented_code(world: World, tmp_path: Path, capsys: Capture) -> None:
    other, texts, apart = (tmp_path / name for name in ("other.csv", "texts.csv", "apart.csv"))
    other.write_text("ride,outcome\n1,1\n")
    texts.write_text("ride,late\n1,yes\n2,no\n")
    write_csv(apart, [(90_000, 1), (90_001, 0)])
    cases = (
        (str(tmp_path / "none-*"), (), 3, "no file matches"),
        (str(other), (), 2, "no column 'late', the label, but outcome, ride"),
        (str(texts), (), 2, "has texts"),
        (str(apart), (), 4, "the labels and the requests have no key in common"),
        (str(apart), ("--key=trip",), 2, "'trip'"),
        (str(apart), (f"--verdict={tmp_path}",), 2, "--verdict: expected a verdict.json"),
        (str(apart), ("--ignore=x",), 2, "--ignore cannot be combined with --labels"),
        (str(apart), ("--examples=x",), 2, "expected --examples=GLOB, or --labels=GLOB"),
    )
    for labels, more, code, message in cases:
        output = tmp_path / f"{code}-{len(message)}"
        run, document = join(capsys, world, labels, output, *more)
        assert run.code == code, message
        assert message in e2e.one_error(run)
        assert (document.get("exit_code") == 4) == (code == 4)


@pytest.mark.parametrize(("write", "suffix"), [(write_json, "jsonl"), (write_csv, "csv")])
def test_a_dry_run_says_what_would_be_read(
    write: Any, suffix: str, world: World, tmp_path: Path, capsys: Capture
) -> None:
    write(tmp_path / f"labels.{suffix}", [(ride, 1) for ride in range(100)])
    output = tmp_path / "out"
    run, _ = join(capsys, world, str(tmp_path / f"labels.{suffix}"), output, "--dry_run")
    assert run.code == 0
    assert any("joined by key" in line for line in run.out)
    assert not output.exists()


def test_lines_of_json_that_are_none_are_rejects(world: World, tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "labels.jsonl"
    path.write_text('{"ride": 1, "late": 1}\n{"ride": 2, "late": 0}\n{"ride": 3\nnothing\n')
    run, _ = join(capsys, world, str(path), tmp_path / "out")
    assert run.code == 3
    assert "2 of 4 records of the labels were rejected" in e2e.one_error(run)
    run, document = join(capsys, world, str(path), tmp_path / "out", "--max_rejects=0.5")
    assert (run.code, document["counts"]["rows"]) == (0, 2)


def test_a_model_without_a_record_cannot_judge(
    world: World, served: Served, tmp_path: Path, capsys: Capture
) -> None:
    path = tmp_path / "labels.csv"
    write_csv(path, [(1, 1)])
    run, _ = join(capsys, world._replace(model=served.version), str(path), tmp_path / "out")
    assert run.code == 2
    assert "exported without labels" in e2e.one_error(run)
