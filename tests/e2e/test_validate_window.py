"""`trueserve validate`, end to end: which records of a log it takes, by time and by sample."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest
from support import e2e, logs
from support import validate as support
from support.homes import SERVING_CUTS, Home

Capture = pytest.CaptureFixture[str]


def test_the_window_is_half_open(home: Home, tmp_path: Path, capsys: Capture) -> None:
    # The time of a request is that of its first row: rows 0, 7, 14, ... of each file.
    starts = [
        part[first] for part in e2e.cut(range(10_000), SERVING_CUTS) for first in range(0, len(part), 7)
    ]
    low, high = starts[100], starts[1_300]
    window = (f"--start={support.iso(low)}", f"--end={support.iso(high)}")
    assert e2e.validate(capsys, home.baseline, home.clean, tmp_path, *window).code == 0
    document = e2e.verdict(tmp_path)
    assert document["window"] == {
        name: support.iso(at).replace("+00:00", "Z") for name, at in (("start", low), ("end", high))
    }
    counts = document["counts"]
    assert (counts["read"], counts["decoded"]) == (support.num_requests(SERVING_CUTS), 1_200)
    assert counts["outside_window"] == support.num_requests(SERVING_CUTS) - 1_200
    ends = dict(zip(starts, [*starts[1:], 10_000], strict=True))
    assert counts["compared"] == sum(ends[at] - at for at in starts[100:1_300])


def test_a_window_in_one_word_and_logs_by_the_hour(home: Home, tmp_path: Path, capsys: Capture) -> None:
    """One hour of requests, in the folder of the hour before, its own and the next; others are not read."""
    first = dt.datetime.fromtimestamp(e2e.seconds(0), dt.UTC).replace(minute=0, second=0)
    hour = first + dt.timedelta(hours=1)
    shifted = [(at, int((hour + dt.timedelta(minutes=at)).timestamp())) for at in range(-90, 150)]
    by_folder: dict[str, list[bytes]] = {}
    for i, (at, seconds) in enumerate(shifted):
        written = hour + dt.timedelta(minutes=at + 2)  # logged two minutes later than asked
        rows = [logs.example(**row) for row in home.serving[20 * i : 20 * i + 20]]
        folder = written.strftime("%Y-%m-%d/%H")
        by_folder.setdefault(folder, []).append(logs.examples_log(rows, seconds, version=i % 2))
    for folder, records in by_folder.items():
        (tmp_path / folder).mkdir(parents=True)
        logs.write_records(tmp_path / folder / "log", records)
    flags = (f"--window={hour:%Y-%m-%dT%H}", "--exclude=version=1,signature=no*")
    result = e2e.validate(capsys, home.baseline, f"{tmp_path}/%Y-%m-%d/%H/*", tmp_path / "out", *flags)
    document = e2e.verdict(tmp_path / "out")
    later = hour + dt.timedelta(hours=1)
    read = [f"{tmp_path}/{at:%Y-%m-%d/%H}/log" for at in (hour, later)]
    assert sorted(file["file"] for file in document["files"]) == read
    # Of the minutes -2 to 118 that these files hold, 0 to 59 are asked for, and every other is the canary's.
    counts = document["counts"]
    assert (counts["read"], counts["outside_window"], counts["decoded"]) == (120, 60, 30)
    assert (document["excluded"], counts["compared"]) == ({"version": 30}, 600)
    assert document["window"]["start"] == hour.isoformat().replace("+00:00", "Z")
    assert "30 excluded (version 30)" in "\n".join(result.out)
    assert "its model&#39;s version matches an --exclude" in (tmp_path / "out/report.html").read_text()


def test_hours_without_a_file_fail_the_run(home: Home, tmp_path: Path, capsys: Capture) -> None:
    pattern = f"{tmp_path}/%d/%H"
    result = e2e.validate(capsys, home.baseline, pattern, tmp_path / "out", "--window=2013-07-14T05/PT2H")
    assert result.code == 3
    assert f"no file matches any of 3 patterns, '{tmp_path}/14/05' to '{tmp_path}/14/07'" in result.err[0]


def test_a_sample_is_said_wherever_records_are_counted(home: Home, tmp_path: Path, capsys: Capture) -> None:
    result = e2e.validate(capsys, home.baseline, home.clean, tmp_path, "--sample=0.25")
    document = e2e.verdict(tmp_path)
    left_out = document["excluded"]["sample"]
    assert document["excluded"] == {"sample": document["counts"]["excluded"]}
    assert left_out / support.num_requests(SERVING_CUTS) == pytest.approx(0.75, abs=0.06)
    assert f"{left_out:,} excluded (sample {left_out:,})" in "\n".join(result.out)
    page = (tmp_path / "report.html").read_text()
    assert "not in the sample of --sample" in page
    by_file = [file["excluded"]["sample"] for file in document["files"]]
    assert (len(by_file), sum(by_file)) == (len(support.files_of(home.clean)), left_out)


@pytest.mark.parametrize("scale", [1, 1_000])
def test_a_feature_tells_the_time(home: Home, tmp_path: Path, capsys: Capture, scale: int) -> None:
    rows = home.serving[:3_000]
    examples = e2e.write_examples(tmp_path / "examples", rows, (1_000, 2_000), feature="at", scale=scale)
    flags = ("--time_feature=at", f"--start={support.iso(500)}", f"--end={support.iso(2_500)}")
    assert e2e.validate(capsys, home.baseline, examples, tmp_path / "out", *flags).code == 0
    document = e2e.verdict(tmp_path / "out")
    assert document["findings"] == []
    assert (document["counts"]["compared"], document["counts"]["outside_window"]) == (2_000, 1_000)
    e2e.check_statistics(
        support.served_statistics(tmp_path / "out", "stats.binpb"), rows[500:2_500], support.RAW_SERVED
    )
