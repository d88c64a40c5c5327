"""Windows in words, in zones whose clocks change: days of 23 and 25 hours, and no moment twice or never."""

from __future__ import annotations

import datetime as dt
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trueserve.transforms.files import local_windows

BERLIN, NEW_YORK, UTC = (
    local_windows.time_zone(name) for name in ("Europe/Berlin", "America/New_York", "UTC")
)
# Clocks in Berlin changed on 2013-03-31 and 2013-10-27, those in New York on 2013-03-10 and 2013-11-03.
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("zone", "now", "start", "hours"),
    [
        (UTC, "2013-07-15T00:00", "2013-07-14T00:00", 24),
        (UTC, "2013-07-15T23:59", "2013-07-14T00:00", 24),
        (BERLIN, "2013-07-14T21:59", "2013-07-12T22:00", 24),
        (BERLIN, "2013-07-14T22:00", "2013-07-13T22:00", 24),
        (BERLIN, "2013-04-01T05:00", "2013-03-30T23:00", 23),
        (BERLIN, "2013-10-28T05:00", "2013-10-26T22:00", 25),
        (NEW_YORK, "2013-03-11T12:00", "2013-03-10T05:00", 23),
        (NEW_YORK, "2013-11-04T12:00", "2013-11-03T04:00", 25),
    ],
)
def test_yesterday_is_a_local_day(zone: dt.tzinfo, now: str, start: str, hours: int) -> None:
    assert local_windows.resolve("yesterday", zone, utc(now)) == (utc(start), utc(start) + hours * HOUR)


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("last-hour", "2013-07-14T04:00", "2013-07-14T05:00"),
        ("last-week", "2013-06-30T22:00", "2013-07-07T22:00"),
        ("last-month", "2013-05-31T22:00", "2013-06-30T22:00"),
        ("P1D", "2013-07-13T05:00", "2013-07-14T05:00"),
        ("PT90M", "2013-07-14T03:30", "2013-07-14T05:00"),
        ("PT15M", "2013-07-14T05:27", "2013-07-14T05:42"),
        ("2013-03-31", "2013-03-30T23:00", "2013-03-31T22:00"),
        ("2013-10", "2013-09-30T22:00", "2013-10-31T23:00"),
        ("2013-07-14T05Z", "2013-07-14T05:00", "2013-07-14T06:00"),
        ("2013-07-14T05", "2013-07-14T03:00", "2013-07-14T04:00"),
        ("2013-10-26/P2D", "2013-10-25T22:00", "2013-10-27T23:00"),
        ("2013-07-14/2013-07-16", "2013-07-13T22:00", "2013-07-15T22:00"),
        ("2013-07-14T05:00:00+00:00/PT6H", "2013-07-14T05:00", "2013-07-14T11:00"),
    ],
)
def test_words_durations_and_spans(text: str, start: str, end: str) -> None:
    now = utc("2013-07-14T05:42:31")
    assert local_windows.resolve(text, BERLIN, now) == (utc(start), utc(end))


def test_an_hour_of_a_zone_that_is_half_an_hour_off() -> None:
    kolkata = local_windows.time_zone("Asia/Kolkata")
    span = local_windows.resolve("last-hour", kolkata, utc("2013-07-14T05:42"))
    assert span == (utc("2013-07-14T04:30"), utc("2013-07-14T05:30"))


def test_a_day_whose_midnight_the_clocks_skip_begins_when_they_do() -> None:
    # In São Paulo 2013-10-20 began at 01:00, which was 03:00 UTC.
    zone = local_windows.time_zone("America/Sao_Paulo")
    assert local_windows.midnight(dt.date(2013, 10, 20), zone) == utc("2013-10-20T03:00")


@pytest.mark.parametrize(
    "text", ["", "tomorrow", "P0D", "P1M", "2013-13", "2013-07-14/2013-07-14", "2013-03-31T02"]
)
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"expected"):
        local_windows.resolve(text, BERLIN, utc("2013-07-14T05:42"))


@pytest.mark.parametrize("name", ["Europe/Berlyn", "", "../etc/passwd", "\0", "Europe"])
def test_what_is_no_zone_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="expected a time zone"):
        local_windows.time_zone(name)


@pytest.mark.parametrize(
    ("every", "now", "start", "hours"),
    [
        (DAY, "2013-04-01T05:00", "2013-03-30T23:00", 23),
        (HOUR, "2013-07-14T05:42", "2013-07-14T04:00", 1),
        (6 * HOUR, "2013-07-14T05:42", "2013-07-13T22:00", 6),
        (6 * HOUR, "2013-07-13T23:42", "2013-07-13T16:00", 6),
        (7 * DAY, "2013-07-14T05:42", "2013-06-30T22:00", 168),
        (5 * HOUR, "1970-01-01T11:00", "1970-01-01T05:00", 5),
    ],
)
def test_the_last_window_of_a_length(every: dt.timedelta, now: str, start: str, hours: int) -> None:
    span = local_windows.last_of(every, BERLIN, utc(now))
    assert span == (utc(start), utc(start) + hours * HOUR)


@given(
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "UTC"]),
    st.dates(dt.date(2000, 1, 1), dt.date(2030, 1, 1)),
    st.sampled_from([DAY, 2 * DAY, HOUR, 6 * HOUR, dt.timedelta(minutes=90)]),
)
def test_windows_in_a_row_leave_no_moment_out(name: str, day: dt.date, every: dt.timedelta) -> None:
    zone = local_windows.time_zone(name)
    first = local_windows.midnight(day, zone)
    spans = list(itertools.islice(local_windows.consecutive(first, first + 40 * DAY, every, zone), 40))
    assert spans[0][0] == first
    assert all(before[1] == after[0] for before, after in itertools.pairwise(spans))
    assert all(start < end for start, end in spans)
    if not every % DAY:
        assert {start.astimezone(zone).time() for start, _ in spans} == {dt.time()}
        lengths = {(end - start) // HOUR for start, end in spans}
        assert lengths <= {every // HOUR + off for off in (-1, 0, 1)}
    else:
        assert {end - start for start, end in spans} == {every}


def test_windows_end_by_the_end() -> None:
    start = utc("2013-07-14T00:00")
    assert len(list(local_windows.consecutive(start, start + 2.5 * HOUR, HOUR, UTC))) == 2
    assert list(local_windows.consecutive(start, start, HOUR, UTC)) == []
    with pytest.raises(ValueError, match="above 0"):
        list(local_windows.consecutive(start, start + DAY, dt.timedelta(), UTC))
