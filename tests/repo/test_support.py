"""What the tests themselves stand on: folders that workers share, and Beam's parameters of methods."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.transforms import core
from support import beam_parameters
from support.shared_folders import filled_once


def test_the_first_to_come_fills_a_shared_folder_and_others_wait(tmp_path: Path) -> None:
    """Threads stand for processes: each opens the lock itself, which is what it is held by."""
    start, second = threading.Barrier(2), threading.Event()
    fills: list[Path] = []

    def fill(folder: Path) -> None:
        fills.append(folder)
        if len(fills) > 1:
            second.set()
        # As long as it takes the other to come in, if nothing keeps it out.
        second.wait(0.2)

    def need(_: int) -> Path:
        start.wait()
        return filled_once(tmp_path / "shared", fill)

    with ThreadPoolExecutor(2) as threads:
        assert [*threads.map(need, range(2))] == [tmp_path / "shared"] * 2
    assert fills == [tmp_path / "shared"]


def test_what_a_process_left_that_failed_is_made_anew(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        (folder / "made").touch()
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 - it has no message
        filled_once(tmp_path / "shared", fail)
    made = filled_once(tmp_path / "shared", lambda folder: (folder / "made").touch(exist_ok=False))
    assert [*made.iterdir()] == [tmp_path / "shared" / "made"]


class _Windowed(beam.DoFn):
    def process(self, element: Any, window: Any = beam.DoFn.WindowParam, least: int = 3) -> None:
        """Takes what Beam passes, and a number."""


class _Plain(_Windowed):
    def process(self, element: Any) -> None:  # type: ignore[override]
        """Takes less than the class above."""


def test_remembered_parameters_are_those_that_beam_reads() -> None:
    read: list[Any] = []
    in_use = core.get_function_args_defaults
    plainly: Callable[[Any], beam_parameters.Parameters] = getattr(in_use, "__wrapped__", in_use)

    def reading(method: Any) -> beam_parameters.Parameters:
        read.append(method)
        return plainly(method)

    remembering = beam_parameters.remembering(reading)
    methods = [
        getattr(dofn, name)
        for dofn in (_Windowed(), _Plain(), _Windowed(), beam.Map(len).dofn)
        for name in ("process", "setup", "start_bundle", "finish_bundle", "teardown")
    ]
    for method in [*methods, *methods, len, lambda element: element]:
        assert remembering(method) == plainly(method)
    assert plainly(methods[0]) == (["element", "window", "least"], [beam.DoFn.WindowParam, 3])
    # Who changes what is given changes nothing of what is kept.
    remembering(methods[0])[0].clear()
    assert remembering(methods[0]) == plainly(methods[0])
    assert sum(method == methods[0] for method in read) == 1
