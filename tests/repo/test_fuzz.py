"""A short, seeded round of fuzzing over every decoder; and that the fuzzer sees what it is there for."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fuzz
from benchmarks.fuzz_bytes import SECRET
from benchmarks.fuzz_cases import CASES
from benchmarks.fuzz_run import FuzzError, Tally, case_of
from benchmarks.fuzz_run import fuzz as fuzzed
from trueserve.transforms.logs.formats import rest, tf_example
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.registry import PARSERS
from trueserve.transforms.logs.formats.rest import RestParser
from trueserve.transforms.logs.request import BadRecordError
from trueserve.transforms.logs.rows import rows

INPUTS = 1000


def last(tallies: Iterator[Tally]) -> Tally:
    return list(tallies)[-1]


@pytest.mark.parametrize("name", [case.name for case in CASES])
def test_a_decoder_holds_out(name: str, tmp_path: Path) -> None:
    # Small batches: each has settings of its own.
    tally = last(fuzzed(case_of(name), INPUTS, 7, tmp_path, batch=50))
    assert tally.inputs >= INPUTS
    assert tally.left_out, "nothing was hostile"
    assert tally.decoded, "nothing was sound"


def test_every_format_of_logs_is_fuzzed() -> None:
    assert {case.format for case in CASES} == set(PARSERS) | {Format.TF_EXAMPLE, Format.PREDICTION_LOG}


def test_a_batch_can_be_had_again(tmp_path: Path) -> None:
    batches = list(fuzzed(case_of("rest"), 1500, 3, tmp_path))
    third = (tmp_path / "rest.jsonl").read_bytes()
    (tmp_path / "rest.jsonl").unlink()
    list(fuzzed(case_of("rest"), 500, 3, tmp_path, first=2))
    assert len(batches) == 3
    assert (tmp_path / "rest.jsonl").read_bytes() == third


def broken_parse(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """The fault shows only in bodies that name no signature, and in few of them."""
    parse = RestParser.parse

    def broken(self: RestParser, record: Mapping[str, Any]) -> Any:
        if record.get("signature_name", 0) is None:
            raise error
        return parse(self, record)

    monkeypatch.setattr(rest.RestParser, "parse", broken)


def test_an_exception_that_gets_out_is_seen_and_its_input_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    broken_parse(monkeypatch, KeyError("x"))
    with pytest.raises(FuzzError, match="rest, batch 0: KeyError came out") as raised:
        list(fuzzed(case_of("rest"), INPUTS, 7, tmp_path))
    assert raised.value.file.read_bytes()


def test_a_value_in_a_message_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken_parse(monkeypatch, BadRecordError("not_good", f"the value {SECRET} is no value"))
    with pytest.raises(FuzzError, match="a message holds a value: not_good"):
        list(fuzzed(case_of("rest"), INPUTS, 7, tmp_path))


def test_a_reason_that_a_stranger_wrote_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    broken_parse(monkeypatch, BadRecordError("not good!", "it is bad"))
    with pytest.raises(FuzzError, match="a reason that is no word"):
        list(fuzzed(case_of("rest"), INPUTS, 7, tmp_path))


def test_a_record_that_vanishes_is_seen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    counts = rows.Counts
    monkeypatch.setattr(tf_example, "Counts", lambda read: counts(max(read - 1, 0)))
    with pytest.raises(FuzzError, match=r"-1 of 499 records are not accounted for"):
        list(fuzzed(case_of("tf_example"), INPUTS, 7, tmp_path))


def test_a_worker_that_hangs_is_killed() -> None:
    ended = fuzz.watch([sys.executable, "-c", "while True: pass"], 0.5, 60)
    assert ended.failure == "nothing was heard for 0 seconds"


def test_a_worker_that_crashes_is_told_of() -> None:
    code = "import os; print('{\"batches\": 4}', flush=True); os.abort()"
    ended = fuzz.watch([sys.executable, "-c", code], 30, 60)
    assert ended.failure is not None
    assert ended.failure.startswith("exit -6")
    assert ended.tally == {"batches": 4}


def test_a_run_prints_a_line_and_says_that_all_is_well(capsys: pytest.CaptureFixture[str]) -> None:
    assert fuzz.main(["--decoder=json_text", "--inputs=600", "--seed=5"]) == 0
    _, line = capsys.readouterr().out.splitlines()
    assert line.split()[:2] == ["json_text", "600"]
    assert "not_json" in line
