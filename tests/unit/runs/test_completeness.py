"""Whether a window's logs have all come: which windows are comparable, and what is then said."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from pathlib import Path

import pytest
from support.page import make_verdict

from trueserve.transforms.core.accounting import Accounting, RecordCounts
from trueserve.transforms.files import local_windows
from trueserve.transforms.runs import completeness, series
from trueserve.transforms.runs.completeness import Usual
from trueserve.transforms.verdict.result import VerdictOutcome

BERLIN = local_windows.time_zone("Europe/Berlin")
DAY = dt.timedelta(days=1)
# A Sunday, in Berlin from the evening before on.
SUNDAY = dt.date(2013, 7, 14)


def span(day: dt.date) -> tuple[dt.datetime, dt.datetime]:
    return local_windows.midnight(day, BERLIN), local_windows.midnight(day + DAY, BERLIN)


def publish(output: Path, day: dt.date, files: int, records: int, verdict: str = "ok") -> None:
    folder = Path(series.window_folder(str(output), *span(day)))
    folder.mkdir(parents=True)
    inside = {"read": 10, "outside_window": 3, "no_time": 2}
    outside = {"read": 10, "outside_window": 10, "no_time": 0}
    entries = [{"file": f"f{n}", **inside} for n in range(files)] + [{"file": "next", **outside}]
    counts = {"decoded": records - 3, "rejected": 2, "excluded": 1, "read": 9 * records}
    (folder / "verdict.json").write_text(json.dumps({"verdict": verdict, "counts": counts, "files": entries}))


def usual(output: Path, day: dt.date = SUNDAY) -> Usual | None:
    return completeness.usual(str(output), span(day), BERLIN, 0.5)


def test_the_last_four_of_the_same_day_of_the_week_count(tmp_path: Path) -> None:
    for weeks in range(1, 7):
        publish(tmp_path, SUNDAY - weeks * 7 * DAY, 20 + weeks, 1000 * weeks if weeks < 5 else 1)
        publish(tmp_path, SUNDAY - (weeks * 7 - 1) * DAY, 1, 1)
    assert usual(tmp_path) == Usual(4, 21, 1000, 0.5)


def test_with_few_of_them_those_of_any_day_count_by_half(tmp_path: Path) -> None:
    assert usual(tmp_path) is None
    publish(tmp_path, SUNDAY - 1 * DAY, 24, 4000)
    assert usual(tmp_path) is None
    for days in range(2, 10):
        publish(tmp_path, SUNDAY - days * DAY, 24, 4000 - days)
    assert usual(tmp_path) == Usual(7, 24, 3993, 0.25)


def test_clocks_that_change_make_no_other_window(tmp_path: Path) -> None:
    # 2013-03-31 had 23 hours; the Sundays after it began an hour earlier in UTC.
    for days in (14, 7, 0):
        publish(tmp_path, dt.date(2013, 3, 31) - days * DAY, 5, 100)
    known = usual(tmp_path, dt.date(2013, 4, 7))
    assert known is not None
    assert known.windows == 3


def test_only_windows_that_were_examined_and_are_earlier_count(tmp_path: Path) -> None:
    publish(tmp_path, SUNDAY - 7 * DAY, 5, 100, "not_examined")
    publish(tmp_path, SUNDAY - 14 * DAY, 5, 100, "skew")
    publish(tmp_path, SUNDAY, 5, 1)
    publish(tmp_path, SUNDAY + 7 * DAY, 5, 1)
    assert usual(tmp_path) is None
    publish(tmp_path, SUNDAY - 21 * DAY, 6, 90)
    assert usual(tmp_path) == Usual(2, 5, 90, 0.5)


def test_windows_of_another_length_or_time_of_day_do_not_count(tmp_path: Path) -> None:
    for days in (7, 14):
        publish(tmp_path, SUNDAY - days * DAY, 5, 100)
    start = span(SUNDAY)[0]
    for other in ((start, start + DAY / 24), (start + DAY / 4, start + DAY * 5 / 4)):
        assert completeness.usual(str(tmp_path), other, BERLIN, 0.5) is None


def verdict_on(records: int, files: int) -> object:
    by_file = {f"f{n}": RecordCounts(read=5, decoded=5) for n in range(files)}
    accounting = Accounting(read=records, decoded=records, by_file=by_file, compared=records)
    return dataclasses.replace(make_verdict("skew"), accounting=accounting)


@pytest.mark.parametrize(
    ("records", "files", "expected", "says"),
    [
        (500, 5, Usual(4, 10, 1000, 0.5), None),
        (499, 5, Usual(4, 10, 1000, 0.5), "only 499 records of the window came"),
        (500, 4, Usual(4, 10, 1000, 0.5), "only 4 files with records of the window came"),
        (500, 4, Usual(4, None, 1000, 0.5), None),
        (0, 0, Usual(4, 10, 1000, 0.5, arrived=1), "only 1 file came, and nothing was read"),
        (1, 1, None, None),
    ],
)
def test_an_incomplete_window_is_not_judged(
    records: int, files: int, expected: Usual | None, says: str | None
) -> None:
    before = verdict_on(records, files)
    after = completeness.judged(before, expected)  # type: ignore[arg-type]
    if says is None:
        assert after is before
        return
    assert (after.outcome, after.exit_code) == (VerdictOutcome.NOT_EXAMINED, 4)
    assert {finding.kind.value for finding in after.findings} == {"input"}
    assert after.findings[0].message.startswith(
        f"incomplete: {says}; the last 4 comparable windows had at least"
    )
    assert "--judge_incomplete" in after.findings[0].message
    assert completeness.is_incomplete(after.to_json())


def test_a_run_that_failed_stays_so() -> None:
    failed = make_verdict("failed")
    assert completeness.judged(failed, Usual(4, 10, 1000, 0.5)) is failed
    assert not completeness.is_incomplete(failed.to_json())


@pytest.mark.parametrize("content", [{}, {"verdict": "ok"}, {"verdict": "ok", "counts": 7, "files": [1]}])
def test_documents_of_strangers_do_not_count(content: dict[str, object], tmp_path: Path) -> None:
    for days in (7, 14):
        publish(tmp_path, SUNDAY - days * DAY, 5, 100)
        folder = Path(series.window_folder(str(tmp_path), *span(SUNDAY - days * DAY)))
        (folder / "verdict.json").write_text(json.dumps(content))
    assert usual(tmp_path) is None
