"""Ledgers on disks and stores whose writes fail: no error, and nothing lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.alerts import CARRIER, incident, night, recording
from support.failing_output import WAYS, FailingOutput


@pytest.mark.parametrize("write", [0, 1, 2])
@pytest.mark.parametrize(("kind", "how", "lasting"), WAYS)
def test_alert_survives_a_write_that_fails(
    tmp_path: Path, kind: str, how: str, lasting: bool, write: int
) -> None:
    target = FailingOutput(kind, how, lasting, tmp_path)
    settings, recorder = recording()
    with target.failing(write) as was_reached:
        report = night(target.output, settings, 1, incident())
        assert was_reached()
    failed = how not in {"folder", "stored"}  # there it is written all the same
    assert bool(report.problems) == failed
    # Before the first two writes nothing is sent: nobody would know of it.
    assert len(recorder.messages) == (0 if failed and write < 2 else 1)
    night(target.output, settings, 1, incident())
    assert set(recorder.events) == {("new", CARRIER)}
    assert [message.is_repeat for message in recorder.messages] == (
        [False, True] if failed and write == 2 else [False]
    )


def test_ledger_on_a_store_is_kept(tmp_path: Path) -> None:
    target = FailingOutput("store", "open", False, tmp_path)
    settings, recorder = recording()
    for day, state in enumerate(["new", "ongoing", "resolved"], 1):
        night(target.output, settings, day, incident(state))
    assert recorder.events == [("new", CARRIER), ("resolved", CARRIER)]
