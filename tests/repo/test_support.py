"""What the tests themselves stand on: folders that workers share, and what is kept of Beam's."""

from __future__ import annotations

import concurrent.futures
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.options.pipeline_options import DirectOptions, PipelineOptions, StandardOptions
from apache_beam.transforms import core, userstate
from apache_beam.typehints import decorators
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


_COUNT = beam.DoFn.StateParam(userstate.CombiningValueStateSpec("n", sum))


class _Stateful(beam.DoFn):
    def process(self, element: Any, count: Any = _COUNT) -> None:
        """Keeps a number."""


def test_remembered_specs_are_those_that_beam_finds() -> None:
    read: list[Any] = []
    in_use = userstate.get_dofn_specs
    plainly: Callable[[Any], beam_parameters.Specs] = getattr(in_use, "__wrapped__", in_use)

    def reading(dofn: Any) -> beam_parameters.Specs:
        read.append(dofn)
        return plainly(dofn)

    remembering = beam_parameters.remembering_specs(reading)
    dofns = [_Stateful(), _Windowed(), _Stateful(), beam.Map(len).dofn]
    # As Beam wraps a method: its parameters are the object's, not the class's.
    wrapped = [beam.DoFn(), beam.DoFn()]
    wrapped[1].process = types.MethodType(_Stateful.process, wrapped[1])
    for dofn in [*dofns, *wrapped, *dofns, *wrapped]:
        assert remembering(dofn) == plainly(dofn)
    assert [len(remembering(dofn)[0]) for dofn in (dofns[0], *wrapped)] == [1, 0, 1]
    remembering(dofns[0])[0].clear()
    assert remembering(dofns[0]) == plainly(dofns[0])
    assert sum(type(dofn) is _Stateful for dofn in read) == 1


def test_remembered_views_share_the_values_of_their_options() -> None:
    in_use = PipelineOptions.view_as
    view_as = beam_parameters.remembering_views(getattr(in_use, "__wrapped__", in_use))
    options, other = (PipelineOptions(["--direct_num_workers=3"]) for _ in range(2))
    view = view_as(options, StandardOptions)
    assert view_as(options, StandardOptions) is view is not view_as(other, StandardOptions)
    view.runner = "x"
    assert view_as(options, StandardOptions).runner == options.get_all_options()["runner"] == "x"
    assert view_as(other, StandardOptions).runner is None
    assert view_as(options, DirectOptions).direct_num_workers == 3


def test_remembered_signatures_are_those_of_the_functions() -> None:
    in_use = decorators.get_signature
    plainly: Callable[[Any], inspect.Signature] = getattr(in_use, "__wrapped__", in_use)
    read: list[Any] = []

    def reading(function: Any) -> inspect.Signature:
        read.append(function)
        return plainly(function)

    def function(element: int, *more: str) -> str:
        return f"{element} {more}"

    remembering = beam_parameters.remembering_signatures(reading)

    for each in (function, len, function, _Plain().process, str.strip, dict):
        assert remembering(each) == plainly(each)
    assert read.count(function) == 1


def test_remembered_submodules_are_found_again_when_more_is_imported() -> None:
    in_use = cloudpickle._find_imported_submodules
    plainly: beam_parameters.Submodules = getattr(in_use, "__wrapped__", in_use)
    calls: list[Any] = []

    def finding(code: types.CodeType, modules: Any) -> list[Any]:
        calls.append(code)
        return plainly(code, modules)

    remembering = beam_parameters.remembering_submodules(finding)
    code = compile("concurrent.futures", "code", "eval")
    for _ in range(2):
        submodules = remembering(code, iter([concurrent, 3]))
        assert submodules == plainly(code, [concurrent, 3]) == [concurrent.futures]
        submodules.clear()
    assert (remembering(code, [3]), len(calls)) == ([], 2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "one_more", types.ModuleType("one_more"))
        assert remembering(code, [concurrent]) == [concurrent.futures]
    assert len(calls) == 3


def test_a_closed_file_cannot_be_synced_in_tests_either(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as file:
        os.fsync(file)
        os.fsync(file.fileno())
        descriptor = file.fileno()
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fsync(descriptor)
    with pytest.raises(ValueError, match="closed file"):
        os.fsync(file)
