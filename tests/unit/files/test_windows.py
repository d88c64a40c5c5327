"""Spans of time in one word, and strftime fields in --logs that a window fills in."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import logs

from trueserve.transforms.core.accounting import total
from trueserve.transforms.core.batches import Decoded, Window
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import windows
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.formats.format_names import Format


def utc(*parts: int) -> dt.datetime:
    year, month, day, hour, minute, second = (*parts, *(0, 1, 1, 0, 0, 0)[len(parts) :])
    return dt.datetime(year, month, day, hour, minute, second, tzinfo=dt.UTC)


DAY = (utc(2013, 7, 14), utc(2013, 7, 15))


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("2013-07-14", *DAY),
        ("2013-07", utc(2013, 7), utc(2013, 8)),
        ("2013-12", utc(2013, 12), utc(2014, 1)),
        ("2012-02", utc(2012, 2), utc(2012, 3)),
        ("2013-07-14T05", utc(2013, 7, 14, 5), utc(2013, 7, 14, 6)),
        ("2013-07-14T05Z", utc(2013, 7, 14, 5), utc(2013, 7, 14, 6)),
        ("2013-12-31T23", utc(2013, 12, 31, 23), utc(2014, 1, 1)),
        ("2013-07-14/2013-07-16", utc(2013, 7, 14), utc(2013, 7, 16)),
        ("2013-07/2013-09", utc(2013, 7), utc(2013, 9)),
        ("2013-07-14T05/PT1H", utc(2013, 7, 14, 5), utc(2013, 7, 14, 6)),
        ("2013-07-14T05:30/PT90M", utc(2013, 7, 14, 5, 30), utc(2013, 7, 14, 7)),
        ("2013-07-14T05:00+02:00/PT1S", utc(2013, 7, 14, 3), utc(2013, 7, 14, 3, 0, 1)),
        ("2013-07-14/P1DT2H3M4S", utc(2013, 7, 14), utc(2013, 7, 15, 2, 3, 4)),
        ("2013-07-14/P2W", utc(2013, 7, 14), utc(2013, 7, 28)),
    ],
)
def test_a_span_in_one_word(text: str, start: dt.datetime, end: dt.datetime) -> None:
    assert windows.parse_window(text) == (start, end)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "expected a span such as"),
        ("2013", "expected a span such as"),
        ("2013-07-14T05:30", "expected a span such as"),
        ("2013-13", "'2013-13' is no time"),
        ("2013-02-30", "'2013-02-30' is no time"),
        ("2013-07-14/noon", "'noon' is no time"),
        ("2013-07-14/2013-07-16/2013-07-18", "expected a span such as"),
        ("2013-07-14/P1M", "months or years, which are not all of one length; write both ends"),
        ("2013-07-14/P1Y2DT3H", "months or years"),
        ("2013-07-14/P", "expected a duration such as PT1H"),
        ("2013-07-14/PT", "expected a duration"),
        ("2013-07-14/P1DT", "expected a duration"),
        ("2013-07-14/P1W2D", "expected a duration"),
        ("2013-07-14/PT0.5H", "expected a duration"),
        ("2013-07-14/PT-1H", "expected a duration"),
        ("2013-07-14/PT\u0661H", "expected a duration"),
        ("2013-07-14/P0D", "expected a start before the end"),
        ("2013-07-16/2013-07-14", "expected a start before the end"),
        ("9999-12", "beyond the years"),
        ("2013-07-14/P99999999999D", "beyond the years"),
        ("0001-01-01T00:00+05:00/PT1H", "beyond the years"),
    ],
)
def test_what_is_no_span_is_said(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        windows.parse_window(text)


@given(st.text(alphabet="0123456789-:/TPZWDHMSY.+ ", max_size=30))
def test_any_text_is_a_span_or_a_value_error(text: str) -> None:
    try:
        start, end = windows.parse_window(text)
    except ValueError:
        return
    assert start < end


@pytest.mark.parametrize(
    ("logs_", "window", "filled"),
    [
        ("l/%Y/%m/%d/*.gz", DAY, ["l/2013/07/14/*.gz", "l/2013/07/15/*.gz"]),
        ("l/%Y/%j", DAY, ["l/2013/195", "l/2013/196"]),
        ("l/%Y%m", DAY, ["l/201307", "l/201308"]),
        ("l/%Y", (utc(2013, 12, 31), utc(2014, 1, 1)), ["l/2013", "l/2014"]),
        (
            "l/%d-%H",
            (utc(2013, 12, 31, 22, 30), utc(2014, 1, 1, 0, 0)),
            ["l/31-22", "l/31-23", "l/01-00"],
        ),
        ("l/%H%M", (utc(2013, 1, 1, 0, 59, 59), utc(2013, 1, 1, 1, 0, 1)), ["l/0059", "l/0100", "l/0101"]),
        ("a/%m, b/*,c/%d", DAY, ["a/07", "a/08", "b/*", "c/14", "c/15"]),
        ("100%%/%Y", DAY, ["100%/2013", "100%/2014"]),
        ("100%%/x", DAY, ["100%/x"]),
        ("l/%Y", (utc(9999, 12, 31), utc(9999, 12, 31, 23)), ["l/9999"]),
        ("l/%d", (utc(9999, 12, 31), utc(9999, 12, 31, 23)), ["l/31"]),
    ],
)
def test_fields_are_filled_in_over_the_window_and_a_step_after_it(
    logs_: str, window: windows.Span, filled: list[str]
) -> None:
    assert windows.patterns(logs_, *window) == filled


def test_a_pattern_stands_once_however_often_its_field_comes_round() -> None:
    patterns = windows.patterns("l/%H", utc(2013, 7, 14, 6), utc(2013, 7, 18))
    assert patterns[:3] == ["l/06", "l/07", "l/08"]
    assert sorted(patterns) == [f"l/{hour:02}" for hour in range(24)]


def test_offsets_are_minded() -> None:
    zone = dt.timezone(dt.timedelta(hours=5))
    start, end = dt.datetime(2013, 7, 14, 2, tzinfo=zone), dt.datetime(2013, 7, 14, 3, tzinfo=zone)
    assert windows.patterns("%d/%H", start, end) == ["13/21", "13/22"]


@given(
    st.datetimes(dt.datetime(1999, 1, 1), dt.datetime(2030, 1, 1), timezones=st.just(dt.UTC)),
    st.timedeltas(dt.timedelta(seconds=1), dt.timedelta(days=3)),
    st.sampled_from(["%Y", "%Y%m", "%Y%m%d", "%Y%j", "%Y%m%d%H", "%Y%m%d%H%M"]),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from([dt.timedelta(0), dt.timedelta(seconds=59)]),
)
def test_no_request_of_the_window_is_missed_even_if_it_was_logged_a_little_later(
    start: dt.datetime, span: dt.timedelta, pattern: str, at: float, late: dt.timedelta
) -> None:
    logged = min(start + span * at, start + span - dt.timedelta(microseconds=1)) + late
    assert logged.strftime(pattern) in windows.patterns(pattern, start, start + span)


@pytest.mark.parametrize("window", [(None, None), (DAY[0], None), (None, DAY[1])])
def test_fields_need_a_bounded_window(window: tuple[dt.datetime | None, dt.datetime | None]) -> None:
    with pytest.raises(UsageError, match=r"--logs: .*give its start and end, --window"):
        windows.patterns("l/%Y", *window)


@pytest.mark.parametrize("field", ["%y", "%S", "%", "%2F"])
def test_an_unknown_field_is_said(field: str) -> None:
    with pytest.raises(UsageError, match=f"--logs: {field[:2]} is no field .*%Y, %m, %d, %j, %H, %M"):
        windows.patterns(f"l/%Y/{field}", *DAY)


def test_very_many_patterns_are_refused() -> None:
    year = (utc(2013), utc(2014))
    assert len(windows.patterns("%Y%m%d%H", *year)) == 365 * 24 + 1
    with pytest.raises(UsageError, match="more than 10,000 patterns"):
        windows.patterns("%Y%m%d%H%M", *year)


def test_a_table_is_no_pattern() -> None:
    assert not windows.has_fields("bq://project.set.100%Y")
    assert windows.has_fields("l/%Y")
    assert not windows.has_fields("l/*")


def test_folders_without_files_are_fine_as_long_as_one_has_some(tmp_path: Path) -> None:
    for day in ("12", "14", "15", "16"):
        (tmp_path / "07" / day).mkdir(parents=True)
    for name in ("12/a", "14/b", "15/c", "16/d"):
        (tmp_path / "07" / name).write_bytes(b"x")
    files = windows.expand(f"{tmp_path}/%m/%d/*", utc(2013, 7, 13), utc(2013, 7, 15))
    assert [file.path for file in files] == [f"{tmp_path}/07/14/b", f"{tmp_path}/07/15/c"]
    assert len(windows.expand(f"{tmp_path}/07/14", *DAY)) == 1


def test_no_file_at_all_names_the_first_and_the_last_pattern(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        windows.expand(f"{tmp_path}/%d/*", utc(2013, 7, 13), utc(2013, 7, 16))
    message = f"no file matches any of 4 patterns, '{tmp_path}/13/*' to '{tmp_path}/16/*'"
    assert str(caught.value) == message


def test_requests_of_the_next_file_are_told_by_their_own_time(tmp_path: Path) -> None:
    """The window's last request lies in the next hour's file, beside one that is later."""
    start, end = (int(at.timestamp()) for at in (utc(2013, 7, 14, 5), utc(2013, 7, 14, 6)))
    for hour, seconds in (("05", [start - 1, start, end - 2]), ("06", [end - 1, end])):
        (tmp_path / hour).mkdir()
        records = [logs.examples_log([logs.example(age=[at - start])], at) for at in seconds]
        logs.write_records(tmp_path / hour / "log", records)
    window = Window(*windows.parse_window("2013-07-14T05"))
    files = windows.expand(f"{tmp_path}/%H", window.start, window.end)
    settings = logs.settings(window=window)
    parts = [part for file in files for part in decode_file(file, Format.PREDICTION_LOG, settings)]
    assert [row["age"] for row in logs.rows_of(parts)] == [[0], [3598], [3599]]
    counts = total(part.accounting for part in parts if isinstance(part, Decoded))
    assert (counts.read, counts.decoded, counts.outside_window, counts.files) == (5, 3, 2, 2)
