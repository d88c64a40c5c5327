"""OUTPUT/history: one part for each window, always what the committed verdicts say and nothing else."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path

import pytest
from support.arrow import read_parquet
from support.committed import DAY, FIRST_DAY, attempt, commit, night

from trueserve.transforms.core.batches import Window
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.history import parts, published
from trueserve.transforms.history.table import table

FIRST_PART = "part-20130701T000000Z-20130702T000000Z.parquet"
SECOND_PART = "part-20130702T000000Z-20130703T000000Z.parquet"


def names(output: Path) -> list[str]:
    return sorted(path.name for path in (output / "history").iterdir())


def exit_codes(output: Path) -> dict[str, float]:
    """Of each part, read as any other program would."""
    codes = {}
    for path in (output / "history").iterdir():
        rows = read_parquet(path)
        codes[path.name] = next(row["value"] for row in rows if row["metric"] == "exit_code")
    return codes


def test_each_window_has_a_part_that_is_the_table_of_its_verdict(tmp_path: Path) -> None:
    for day, finding in ((1, None), (2, "miles")):
        commit(tmp_path, night(day, finding))
    parts.refresh(str(tmp_path))
    assert names(tmp_path) == [FIRST_PART, SECOND_PART]
    assert read_parquet(tmp_path / "history" / SECOND_PART) == table([night(2, "miles")]).to_pylist()


def test_the_run_that_was_published_last_counts_whatever_its_clock_said(tmp_path: Path) -> None:
    late = commit(tmp_path, night(1, "miles"))
    early = "20000101T000000Z-00000000-000000000000"
    name, document = attempt(tmp_path, night(1), replaces=late)
    document["artifacts"]["report.html"]["path"] = f"runs/{early}/report.html"
    (tmp_path / "runs" / name).rename(tmp_path / "runs" / early)
    for file in (tmp_path / "verdict.json", tmp_path / "runs" / early / "verdict.json"):
        file.write_text(json.dumps(document))
    parts.refresh(str(tmp_path))
    assert exit_codes(tmp_path) == {FIRST_PART: 0}


def test_an_attempt_that_was_not_committed_is_not_there(tmp_path: Path) -> None:
    commit(tmp_path, night(1))
    attempt(tmp_path, night(2, "miles"))
    failed = tmp_path / "failed"
    commit(failed, night(3) | {"verdict": "failed", "exit_code": 3})
    parts.refresh(str(tmp_path))
    assert names(tmp_path) == [FIRST_PART]


def test_a_run_whose_publisher_died_before_its_copy_is_there(tmp_path: Path) -> None:
    first = commit(tmp_path, night(1))
    _, document = attempt(tmp_path, night(2), replaces=first)
    (tmp_path / "verdict.json").write_text(json.dumps(document))
    parts.refresh(str(tmp_path))
    assert names(tmp_path) == [FIRST_PART, SECOND_PART]


def test_a_rerun_replaces_its_part_alone_and_a_window_that_is_gone_loses_its_own(tmp_path: Path) -> None:
    runs = [commit(tmp_path, night(day)) for day in (1, 2)]
    parts.refresh(str(tmp_path))
    others = tmp_path / "history" / "README"
    others.write_text("mine")
    before = {path.name: path.stat().st_ino for path in (tmp_path / "history").iterdir()}
    commit(tmp_path, night(2, "miles"), replaces=runs[1])
    parts.refresh(str(tmp_path))
    after = {path.name: path.stat().st_ino for path in (tmp_path / "history").iterdir()}
    assert after[FIRST_PART] == before[FIRST_PART]
    assert exit_codes_of_parts(tmp_path) == {FIRST_PART: 0, SECOND_PART: 1}
    (tmp_path / "runs" / runs[0] / "verdict.json").unlink()
    parts.refresh(str(tmp_path))
    assert names(tmp_path) == ["README", SECOND_PART]


def exit_codes_of_parts(output: Path) -> dict[str, float]:
    (output / "history" / "README").unlink(missing_ok=True)
    codes = exit_codes(output)
    (output / "history" / "README").write_text("mine")
    return codes


def test_a_part_that_is_not_the_table_is_rebuilt(tmp_path: Path) -> None:
    commit(tmp_path, night(1))
    parts.refresh(str(tmp_path))
    part = tmp_path / "history" / FIRST_PART
    good = part.read_bytes()
    for damage in (good[:100], good + b"x", b""):
        part.write_bytes(damage)
        parts.refresh(str(tmp_path))
        assert part.read_bytes() == good


def test_folders_of_windows_go_before_runs(tmp_path: Path) -> None:
    commit(tmp_path, night(3, "miles"))
    for day in (1, 2):
        commit(tmp_path / "windows" / f"day-{day}", night(day))
    attempt(tmp_path / "windows" / "day-4", night(4))
    parts.refresh(str(tmp_path))
    assert names(tmp_path) == [FIRST_PART, SECOND_PART]


def test_broken_verdicts_are_named_and_left_out(tmp_path: Path) -> None:
    name = commit(tmp_path, night(1))
    commit(tmp_path, night(2))
    (tmp_path / "runs" / name / "verdict.json").write_text('{"format": 2, "window": {}}')
    known = parts.refresh(str(tmp_path))
    assert known.broken == [str(tmp_path / "runs" / name / "verdict.json")]
    assert names(tmp_path) == [SECOND_PART]


def test_nothing_published_is_an_empty_table(tmp_path: Path) -> None:
    assert published.read(str(tmp_path / "nothing")) == published.Published({}, [])
    parts.refresh(str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()


def test_a_folder_that_cannot_be_written_is_an_input_error(tmp_path: Path) -> None:
    commit(tmp_path, night(1))
    (tmp_path / "history").write_text("a file")
    with pytest.raises(InputError, match="history"):
        parts.refresh(str(tmp_path))


@pytest.mark.parametrize(
    ("window", "name"),
    [
        (Window(), "part--.parquet"),
        (Window(FIRST_DAY), "part-20130701T000000Z-.parquet"),
        (Window(None, FIRST_DAY + dt.timedelta(microseconds=5)), "part--20130701T000000.000005Z.parquet"),
        (Window(FIRST_DAY, FIRST_DAY + DAY), FIRST_PART),
    ],
)
def test_parts_are_called_by_their_windows(window: Window, name: str) -> None:
    assert parts.part_name(window) == name
    assert parts._PART.fullmatch(name)
