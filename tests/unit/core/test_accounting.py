"""Sums of accountings: bounded, whatever names strangers send, and no row lost; each file accounted for."""

from __future__ import annotations

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import formats, logs
from support import formats_json as json_logs
from support import formats_records as record_logs
from support import formats_tables as table_logs

from examples.flights import data
from trueserve.transforms.core import accounting
from trueserve.transforms.core.accounting import (
    ABSENT_TIME,
    MORE_FILES,
    MORE_UNKNOWN,
    MOST_FILES,
    MOST_UNKNOWN,
    UNKNOWN_FEATURE,
    Accounting,
    RecordCounts,
)
from trueserve.transforms.core.batches import Decoded, Fault, Window
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.decode_file import decode_file
from trueserve.transforms.logs.features import Expected, FeatureType, Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.verdict.result import decide
from trueserve.transforms.verdict.severity import Policy


def unknown(names: list[str], rows: int = 1) -> Accounting:
    return Accounting(forms=Counter({(name, UNKNOWN_FEATURE): rows for name in names}))


def test_a_flood_of_names_is_bounded_and_no_row_is_lost() -> None:
    parts = [unknown([f"x{i}-{j}" for j in range(300)]) for i in range(50)]
    parts += [unknown(["new"], 40), Accounting(forms=Counter({("age", "float_for_int"): 7}))] * 3
    random.Random(1).shuffle(parts)
    halves = accounting.total(parts[:25]) + accounting.total(parts[25:])
    for forms in (halves.forms, accounting.total(parts).forms):
        assert len(forms) == MOST_UNKNOWN + 2
        assert forms.total() == 50 * 300 + 3 * 40 + 3 * 7
        assert forms[MORE_UNKNOWN] == 50 * 300 + 1 - MOST_UNKNOWN
        assert forms["age", "float_for_int"] == 21
        assert forms["new", UNKNOWN_FEATURE] == 120


def test_the_span_of_times_is_that_of_all_parts() -> None:
    days = [dt.datetime(2013, 7, day, tzinfo=dt.UTC) for day in (1, 2, 3, 4)]
    parts = [
        Accounting(first_time=days[1], last_time=days[3]),
        Accounting(),
        Accounting(first_time=days[0], last_time=days[2]),
    ]
    for order in (parts, parts[::-1]):
        summed = accounting.total(order)
        assert (summed.first_time, summed.last_time) == (days[0], days[3])
    assert accounting.total([Accounting()]).first_time is None


def test_one_great_part_is_bounded_too() -> None:
    summed = Accounting() + unknown([f"x{i:04}" for i in range(3000)])
    assert len(summed.forms) == MOST_UNKNOWN + 1
    assert summed.forms[MORE_UNKNOWN] == 2000


def test_few_names_are_all_kept() -> None:
    summed = unknown(["a", "b"]) + unknown(["b"])
    assert summed.forms == {("a", UNKNOWN_FEATURE): 1, ("b", UNKNOWN_FEATURE): 2}


def of_file(name: str, read: int, rejected: int = 0) -> Accounting:
    reasons = Counter({"not_json": rejected} if rejected else {})
    return Accounting(by_file={name: RecordCounts(read, read - rejected, reasons)})


def test_of_very_many_files_those_with_rejects_are_told_apart_and_no_record_is_lost() -> None:
    parts = [of_file(f"f{i:04}", 10, rejected=i % 7 if i % 5 == 0 else 0) for i in range(3 * MOST_FILES)]
    random.Random(2).shuffle(parts)
    summed = accounting.total(parts)
    files = summed.by_file
    assert len(files) == MOST_FILES + 1
    assert accounting.records_of(list(files.values())) == RecordCounts(
        30_000, 30_000 - rejects(parts), Counter(not_json=rejects(parts))
    )
    assert not files[MORE_FILES].rejected, "514 files have rejects, so all of them are named"
    calm = [name for name, counts in files.items() if name and not counts.rejected]
    assert max(calm) < min({f"f{i:04}" for i in range(3 * MOST_FILES)} - files.keys())
    names = [name for name, _ in accounting.in_order(files)]
    assert (names[-1], files[names[0]].total_rejected) == (MORE_FILES, 6)


def rejects(parts: Sequence[Accounting]) -> int:
    return sum(counts.total_rejected for part in parts for counts in part.by_file.values())


def test_files_are_told_apart_alike_in_whatever_order_they_are_summed() -> None:
    parts = [of_file(f"f{i:04}", i, rejected=i % 3) for i in range(1, 2 * MOST_FILES)]
    wanted = accounting.total(parts).by_file
    for seed in range(3):
        random.Random(seed).shuffle(parts)
        step = 100 + seed
        groups = [accounting.total(parts[at : at + step]) for at in range(0, len(parts), step)]
        assert accounting.total(groups).by_file == wanted
    one_by_one = Accounting()
    for part in parts:
        one_by_one += part
    assert one_by_one.by_file == wanted


def test_parts_of_one_file_are_one() -> None:
    summed = of_file("a", 3, rejected=1) + of_file("b", 1) + of_file("a", 4, rejected=2)
    assert summed.by_file == {
        "a": RecordCounts(7, 4, Counter(not_json=3)),
        "b": RecordCounts(1, 1),
    }


LOGS = (*record_logs.LOGS, *json_logs.LOGS, *table_logs.LOGS)
EVERY_FORMAT = pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
START = 1_373_760_000
WINDOW = Window(dt.datetime.fromtimestamp(START, dt.UTC), dt.datetime.fromtimestamp(START + 3_600, dt.UTC))
EXPECTED = Expected(
    dict.fromkeys(data.FEATURES, FeatureType.FLOAT)
    | dict.fromkeys(data.CATEGORIES, FeatureType.BYTES)
    | dict.fromkeys(data.COUNTS, FeatureType.INT),
    single=frozenset(data.FEATURES),
)


def read(
    folder: Path, log: formats.Log, files: Sequence[formats.Traffic], **settings: Any
) -> tuple[list[str], Accounting]:
    """The names of files with such traffic, and what became of their records in the window."""
    paths = [folder / f"{i}.{log.suffix}" for i in range(len(files))]
    parts: list[Accounting] = []
    for path, traffic in zip(paths, files, strict=True):
        log.write(path, traffic)
        read_settings = Settings(expected=EXPECTED, window=WINDOW, **{**log.settings, **settings})
        outputs = list(
            decode_file(FileSize(str(path), path.stat().st_size), Format(log.format), read_settings)
        )
        assert all(isinstance(part, Decoded) for part in outputs), outputs
        parts += [part.accounting for part in outputs if isinstance(part, Decoded)]
    return [str(path) for path in paths], accounting.total(parts)


def request_at(seconds: int | None, number: int) -> formats.Request:
    return formats.Request([{**formats.ODD, "departure": number}], seconds, number)


@EVERY_FORMAT
@pytest.mark.parametrize("by", ["nothing", "rule", "sample"])
def test_the_records_of_each_file_add_up(log: formats.Log, by: str, tmp_path: Path) -> None:
    inside = [request_at(START + i, i) for i in range(40)]
    mixed = [
        *inside[:9],
        request_at(START - 1, 90),
        request_at(START + 3_600, 91),
        request_at(None, 92),
        inside[9],
    ]
    broken = [None, None] if log.breakable else []
    rules: dict[str, dict[str, Any]] = {"rule": {"exclude": (("version", "3"),)}, "sample": {"sample": 0.5}}
    more = rules.get(by, {})
    names, summed = read(tmp_path, log, [[*mixed, *broken], inside], **more)
    assert list(summed.by_file) == names
    assert [counts.balance() for counts in summed.by_file.values()] == [0, 0]
    together = accounting.records_of(list(summed.by_file.values()))
    assert together == accounting.records_of([summed])
    first, second = summed.by_file.values()
    assert second.total_rejected == 0
    assert by == "sample" or first.total_rejected == len(broken)
    if by == "rule" and log.timed and "version" in log.knows:
        assert (first.excluded, second.excluded) == ({"version": 10}, {"version": 40})
    if by == "sample":
        assert 5 < second.excluded["sample"] < 35


@EVERY_FORMAT
def test_where_all_are_without_a_time_the_hint_names_the_flag(log: formats.Log, tmp_path: Path) -> None:
    _, summed = read(tmp_path, log, [[request_at(None, i) for i in range(20)]])
    verdict = decide(WINDOW, summed, [], (), Policy(), None)
    assert (summed.no_time, summed.rows, verdict.outcome) == (20, 0, "not_examined")
    assert verdict.exit_code == 4
    [reason] = verdict.reasons
    if any(form == ABSENT_TIME for _, form in summed.forms):
        assert f"in 20 of {summed.read} records " in reason
        assert "holds no value" in reason
    else:
        assert f"20 of {summed.read} records have no time" in reason
        assert "--time_feature" in reason


def test_a_file_that_breaks_off_is_accounted_for_as_far_as_it_was_read(tmp_path: Path) -> None:
    file = logs.write_records(tmp_path / "log", [logs.example(age=[i]) for i in range(50)])
    with (tmp_path / "log").open("r+b") as stream:
        stream.truncate(file.bytes - 3)
    parts = list(decode_file(file, Format.TF_EXAMPLE, logs.settings()))
    assert isinstance(parts[-1], Fault)
    summed = accounting.total(part.accounting for part in parts if isinstance(part, Decoded))
    assert summed.by_file == {file.path: accounting.records_of([summed])}
    assert summed.read == 49
