"""A replay whose reference model does not load is a fault, and every part of the input says so."""

from __future__ import annotations

from pathlib import Path

from support.replay_rows import batch

from trueserve.transforms.branches import replay
from trueserve.transforms.branches.reading import READING, Reading
from trueserve.transforms.replay.compare import AnswerTolerance


def test_a_model_that_does_not_load_is_one_fault(tmp_path: Path) -> None:
    branch = replay.Replay(str(tmp_path / "none"), AnswerTolerance())
    branch.start()
    branch.add(batch([1.0], ["[1.0]"]))
    branch.add(batch([2.0], ["[1.0]"]))
    (kind, partial), (other, reading) = branch.result()
    assert (kind, other) == (replay.REPLAY, READING)
    assert isinstance(partial, replay.ReplayPartial)
    assert partial.result().rows == 0
    assert isinstance(reading, Reading)
    [fault] = reading.faults
    assert (fault.file, fault.reason) == (str(tmp_path / "none"), "replay_model")
    assert fault.detail.startswith("the reference model of --replay cannot be loaded: ")
    branch.start()
    assert [kind for kind, _ in branch.result()] == [replay.REPLAY]


def test_of_an_error_the_first_line_that_says_something() -> None:
    prefix = "the reference model of --replay cannot be loaded: "
    assert replay._why(ValueError("\n  \nfirst\nsecond")) == f"{prefix}first"
    assert replay._why(ValueError()) == f"{prefix}ValueError"
    assert replay._why(ValueError("x" * 400)) == prefix + "x" * 300
