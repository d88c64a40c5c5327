"""Bad input of validate: one clear line on stderr, the exit code, and the earlier verdict stays whole."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support import e2e, logs
from support.crashing_parquet import CRASHING
from support.homes import Home

Capture = pytest.CaptureFixture[str]
HEADER, FOOTER = 12, 4


@pytest.fixture(scope="module")
def previous_output(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An output folder with a published verdict, as a run of yesterday left it."""
    from trueserve.pipelines import cli

    output = tmp_path_factory.mktemp("earlier") / "out"
    argv = ["validate", f"--baseline={home.baseline}", f"--logs={home.clean}", f"--output={output}"]
    assert cli.main(argv) == 0
    return output


@pytest.fixture
def output(previous_output: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of that folder; afterwards all that was published before must be there, byte for byte."""
    copy = tmp_path / "out"
    shutil.copytree(previous_output, copy)
    before = e2e.tree(copy)
    yield copy
    after = e2e.tree(copy)
    assert {name: after.get(name) for name in before} == before
    assert all(name.startswith("failed/") for name in after.keys() - before.keys())


def records(count: int = 600) -> list[bytes]:
    return [logs.example(**row) for row in e2e.requests(e2e.rides(count, 3))]


def failed(output: Path) -> dict[str, object]:
    document = e2e.verdict(output / "failed")
    assert (document["verdict"], document["exit_code"]) == ("failed", 3)
    assert (output / "failed" / "report.html").is_file()
    return document


def published_nothing(output: Path) -> bool:
    return not (output / "failed").exists()


# What validate reads.


def test_no_file_matches(home: Home, output: Path, tmp_path: Path, capsys: Capture) -> None:
    glob = str(tmp_path / "nowhere" / "*.tfrecord")
    result = e2e.validate(capsys, home.baseline, glob, output)
    assert result.code == 3
    assert glob in e2e.one_error(result)
    assert glob in json.dumps(failed(output)["findings"])


def test_a_truncated_file(home: Home, output: Path, tmp_path: Path, capsys: Capture) -> None:
    all_records = records()
    logs.write_records(tmp_path / "a", all_records)
    logs.write_records(tmp_path / "b", all_records)
    last = HEADER + len(all_records[-1]) + FOOTER
    data = (tmp_path / "b").read_bytes()
    (tmp_path / "b").write_bytes(data[:-5])
    result = e2e.validate(capsys, home.baseline, str(tmp_path / "[ab]"), output)
    assert result.code == 3
    line = e2e.one_error(result)
    assert f"{tmp_path / 'b'} at byte {len(data) - last}" in line
    assert "truncated" in line
    counts = failed(output)["counts"]
    assert isinstance(counts, dict)
    assert counts["read"] == 2 * len(all_records) - 1


def test_a_wrong_checksum(home: Home, output: Path, tmp_path: Path, capsys: Capture) -> None:
    all_records = records()
    logs.write_records(tmp_path / "log", all_records)
    data = bytearray((tmp_path / "log").read_bytes())
    start = sum(HEADER + len(record) + FOOTER for record in all_records[:300])
    data[start + HEADER + 3] ^= 1
    (tmp_path / "log").write_bytes(data)
    result = e2e.validate(capsys, home.baseline, str(tmp_path / "log"), output)
    assert result.code == 3
    line = e2e.one_error(result)
    assert f"{tmp_path / 'log'} at byte {start}" in line
    assert "checksum" in line
    failed(output)


def test_several_faults_are_still_one_line(home: Home, output: Path, tmp_path: Path, capsys: Capture) -> None:
    for name in "abcde":
        file = logs.write_records(tmp_path / f"log-{name}", records(5))
        Path(file.path).write_bytes(Path(file.path).read_bytes()[:-1])
    result = e2e.validate(capsys, home.baseline, str(tmp_path / "log-*"), output)
    assert result.code == 3
    line = e2e.one_error(result)
    assert str(tmp_path / "log-a") in line
    assert "2 more" in line
    findings = failed(output)["findings"]
    assert isinstance(findings, list)
    assert [f["metric"] for f in findings if f["kind"] == "input"] == ["truncated"] * 5


@pytest.mark.parametrize(
    ("name", "form", "reason"),
    [("example", "tf_example", "not_a_tf_example"), ("log", "prediction_log", "not_a_prediction_log")],
)
def test_records_that_are_none_are_rejects(
    home: Home, output: Path, tmp_path: Path, capsys: Capture, name: str, form: str, reason: str
) -> None:
    good = records(50)
    good = good if form == "tf_example" else [logs.examples_log([record]) for record in good]
    secret = b"\x0a\xffaddress of a stranger"
    logs.write_records(tmp_path / name, [*good[:20], secret, *good[20:]])
    result = e2e.validate(capsys, home.baseline, str(tmp_path / name), output)
    assert result.code == 3
    line = e2e.one_error(result)
    assert "1 of 51 records" in line
    assert f"{reason} 1" in line
    assert "--max_rejects" in line
    document = failed(output)
    assert document["rejects"] == {reason: 1}
    artifacts = document["artifacts"]
    assert isinstance(artifacts, dict)
    kept = (output / "failed" / artifacts["rejects/rejects.jsonl"]["path"]).read_text()
    reject = json.loads(kept)
    assert (reject["file"], reject["record"], reject["reason"]) == (str(tmp_path / name), 20, reason)
    everything = b"".join(e2e.tree(output / "failed").values())
    assert b"stranger" not in everything


def test_a_feature_of_another_type_than_in_training(home: Home, tmp_path: Path, capsys: Capture) -> None:
    rows = [{**row, "distance": [b"12"]} for row in e2e.requests(e2e.rides(600, 3))]
    examples = e2e.write_examples(tmp_path / "examples", rows, (300, 400))
    result = e2e.validate(capsys, home.baseline, examples, tmp_path / "new")
    document = e2e.verdict(tmp_path / "new")
    [finding] = [f for f in document["findings"] if f["feature"] == "distance"]
    assert (result.code, finding["kind"], finding["severity"]) == (1, "type", "error")
    assert finding["metric"] == "bytes_for_float"
    assert "100 %" in finding["message"].replace("100.0 %", "100 %")
    assert any(line.startswith("error, new: distance: ") for line in result.out)


def test_an_empty_file(home: Home, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "log").write_bytes(b"")
    result = e2e.validate(capsys, home.baseline, str(tmp_path / "log"), tmp_path / "new")
    assert result.code == 4
    assert "no records" in e2e.one_error(result)
    document = e2e.verdict(tmp_path / "new")
    assert (document["verdict"], document["counts"]["read"]) == ("not_examined", 0)


def test_a_window_without_rows(home: Home, tmp_path: Path, capsys: Capture) -> None:
    window = ("--start=2001-01-01", "--end=2001-02-01")
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path / "new", *window)
    assert result.code == 4
    line = e2e.one_error(result)
    assert "outside" in line
    assert "2001-01-01" in line
    assert e2e.verdict(tmp_path / "new")["verdict"] == "not_examined"


def test_rows_that_have_no_time(home: Home, tmp_path: Path, capsys: Capture) -> None:
    logs.write_records(tmp_path / "log", records(30))
    result = e2e.validate(
        capsys, home.baseline, str(tmp_path / "log"), tmp_path / "new", "--start=2013-07-01"
    )
    assert result.code == 4
    line = e2e.one_error(result)
    assert "30 of 30 records have no time" in line
    assert "--time_feature" in line
    assert e2e.verdict(tmp_path / "new")["counts"]["no_time"] == 30


# What validate compares with, and where it writes.


def without(name: str) -> Callable[[Path], None]:
    return lambda baseline: (baseline / name).unlink()


def of_another_version(baseline: Path) -> None:
    contract = json.loads((baseline / "contract.json").read_text())
    (baseline / "contract.json").write_text(json.dumps({**contract, "format_version": 99}))


def cut_contract(baseline: Path) -> None:
    text = (baseline / "contract.json").read_text()
    (baseline / "contract.json").write_text(text[: len(text) // 2])


def garbage_statistics(baseline: Path) -> None:
    (baseline / "stats.binpb").write_bytes(b"\x01\x02 no statistics")


@pytest.mark.parametrize(
    ("harm", "says"),
    [
        (shutil.rmtree, "no baseline"),
        (without("contract.json"), "contract.json"),
        (without("stats.binpb"), "stats.binpb"),
        (without("transform_output/transform_fn/saved_model.pb"), "saved_model.pb"),
        (of_another_version, "format version 99"),
        (cut_contract, "contract"),
        (garbage_statistics, "stats.binpb"),
    ],
)
def test_a_baseline_that_is_missing_incomplete_or_of_another_version(
    home: Home, output: Path, tmp_path: Path, capsys: Capture, harm: Callable[[Path], None], says: str
) -> None:
    baseline = tmp_path / "broken"
    shutil.copytree(home.baseline, baseline)
    harm(baseline)
    result = e2e.validate(capsys, baseline, home.clean, output)
    line = e2e.one_error(result)
    assert result.code == 2
    assert says in line
    assert str(baseline) in line
    assert published_nothing(output)


@pytest.mark.parametrize("flag", ["schema", "statistics"])
def test_tfdv_artifacts_that_are_none(
    home: Home, output: Path, tmp_path: Path, capsys: Capture, flag: str
) -> None:
    files = {"schema": f"{home.baseline}/schema.pbtxt", "statistics": f"{home.baseline}/stats.binpb"}
    (tmp_path / "noise").write_bytes(b"\x01\x02\x03 neither the one nor the other")
    files[flag] = str(tmp_path / "noise")
    flags = [f"--{name}={path}" for name, path in files.items()]
    result = e2e.run(capsys, "validate", f"--logs={home.clean}", f"--output={output}", *flags)
    assert result.code == 2
    assert str(tmp_path / "noise") in e2e.one_error(result)
    assert published_nothing(output)


@pytest.mark.parametrize("folder", ["file/below", "/proc/trueserve"])
def test_an_output_folder_that_cannot_be_written(
    home: Home, tmp_path: Path, capsys: Capture, folder: str
) -> None:
    (tmp_path / "file").write_text("mine")
    target = tmp_path / folder
    result = e2e.validate(capsys, home.baseline, home.clean, target)
    assert result.code == 2
    assert str(target) in e2e.one_error(result)
    assert (tmp_path / "file").read_text() == "mine"
    assert result.out == [], "refused before anything is read"


def test_a_file_that_brings_down_its_reader_fails_the_run_with_a_verdict(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "log.parquet").write_bytes(CRASHING)
    result = e2e.validate(
        capsys, home.baseline, str(tmp_path / "log.parquet"), tmp_path / "out", "--format=table"
    )
    assert result.code == 3
    assert "cannot read it as Parquet" in e2e.one_error(result)
    assert e2e.verdict(tmp_path / "out" / "failed")["verdict"] == "failed"
