"""What `trueserve warm_up` says, and its exit codes."""

from __future__ import annotations

from pathlib import Path

import pytest

from trueserve.pipelines import warm_up as job
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.warm_up import WarmUpOptions
from trueserve.transforms.compiling.warm_up import WarmUp
from trueserve.transforms.core.errors import UsageError


def _run(monkeypatch: pytest.MonkeyPatch, result: WarmUp, *, check: bool) -> int:
    monkeypatch.setattr(job, "warm_up", lambda: result)
    return job.run(WarmUpOptions(check=check), Console())


@pytest.mark.parametrize(("compiled", "check", "code"), [(3, False, 0), (3, True, 1), (0, True, 0)])
def test_exit_codes(monkeypatch: pytest.MonkeyPatch, compiled: int, check: bool, code: int) -> None:
    assert _run(monkeypatch, WarmUp(compiled, 5, [Path("folder")]), check=check) == code


def test_what_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    _run(monkeypatch, WarmUp(3, 5, [Path("a"), Path("b")]), check=False)
    first, *others = capsys.readouterr().out.splitlines()
    assert first.startswith("machine code: 3 functions compiled, 5 loaded, ")
    assert others == ["kept in a", "kept in b"]


def test_where_nothing_can_be_kept_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="set NUMBA_CACHE_DIR to such a folder"):
        _run(monkeypatch, WarmUp(3, 5, []), check=False)
