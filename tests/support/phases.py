"""The short form of `make chaos`: what commands do when they write, without all that comes before it.

    PYTHONPATH=.:tests python -m support.phases [PHASE ...]

kills each phase at every change of the file system that it makes, and prints a JSON object: by phase how many
moments there were and what was broken.
"""

from __future__ import annotations

import collections
import datetime as dt
import json
import shutil
import sys
import tempfile
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support import chaos
from support.chaos import Changes, Kill
from support.page import make_verdict
from trueserve.pipelines import backtest_folder
from trueserve.pipelines.config.model_config import ModelConfig
from trueserve.pipelines.nightly import window_run
from trueserve.pipelines.process import supervisor
from trueserve.transforms.baseline import atomic_replace, layout
from trueserve.transforms.files import lease, paths, temporary_files
from trueserve.transforms.runs import dead_runs, run_folder
from trueserve.transforms.serving import version_folder

FILES = {"report.html": b"<!doctype html>", "stats.binpb": b"\x00\x01" * 500}
BASELINE = {"schema.pbtxt": b"feature", "transform_output/saved_model.pb": b"graph"}
LIMITS = {"thresholds.toml": b"[raw]", "schema.pbtxt": b"feature", "backtest.html": b"<!doctype html>"}
VERDICT = make_verdict("ok")
CREATED = "2024-01-01T00:00:{:02}"


class Phase(NamedTuple):
    """`work` gets the folder of the result and a number: 0 makes the earlier result, 1 the next one."""

    work: Callable[[str, int], None]
    document: str


def prepare(result: str, number: int) -> None:
    atomic_replace.finish(result)
    staged = atomic_replace.staging(result)
    with lease.held(staged):
        for name, data in BASELINE.items():
            paths.write_atomically(paths.join(staged, name), data + str(number).encode())
        contract = json.dumps({"created": CREATED.format(number)}).encode()
        paths.write_atomically(paths.join(staged, layout.CONTRACT), contract)
        atomic_replace.take_name(result, staged)


def export(result: str, number: int) -> None:
    with version_folder.workspace(result) as folder:
        for name in ("variables/variables.index", "saved_model.pb"):
            paths.write_atomically(paths.join(folder, name), name.encode())
        version_folder.publish(folder, result)


def validate(result: str, number: int) -> None:
    run_id = f"20130714T050000Z-{uuid.uuid4().hex[:8]}"
    with dead_runs.publishing(result, run_id):
        run_folder.publish(result, VERDICT, FILES, run_id)


def check(result: str, number: int) -> None:
    """Nothing but temporary files, which all commands have."""
    tempfile.tempdir = result
    with supervisor._temporary_folder() as folder:
        for name in ("candidate/answers.npz", "probes.tfrecord"):
            paths.write_atomically(paths.join(folder, name), str(number).encode())


def backtest(result: str, number: int) -> None:
    temporary_files.sweep(result)
    files = {name: data + str(number).encode() for name, data in LIMITS.items()}
    backtest_folder.write(result, {"number": number}, files)


def join(result: str, number: int) -> None:
    temporary_files.sweep(result)
    paths.write_atomically(paths.join(result, "join.json"), json.dumps({"number": number}).encode())


def backfill(result: str, number: int) -> None:
    """A window of a series is run again; after a kill what is left to do for the one that stands is done."""
    config = ModelConfig("rides.toml", "rides", result, {})
    start = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)
    folder = config.folder((start, start + dt.timedelta(days=1)))
    stands = window_run.judged(folder)
    if stands is not None and number == 2:
        window_run.mend(config, folder, stands)
    else:
        validate(folder, number)
        window_run.finish(config, folder)


PHASES = {
    "prepare": Phase(prepare, "contract.json"),
    "export": Phase(export, "1/saved_model.pb"),
    "check": Phase(check, ""),
    "validate": Phase(validate, "verdict.json"),
    "backtest": Phase(backtest, "backtest.json"),
    "join": Phase(join, "join.json"),
    "backfill": Phase(backfill, "latest.json"),
}


def kill_at_every_change(phase: Phase, world: Path) -> tuple[int, list[str]]:
    """How many moments there were, and what was broken at which."""
    uninterrupted = Changes([world / "case"], Kill())
    assert _run(phase, world, uninterrupted) == 0, (world / "log").read_text()
    due = chaos.listing(world / "case")
    kills = [Kill(number) for number in range(uninterrupted.count)]
    kills += [Kill(number, half=True) for number in uninterrupted.opened]
    return len(kills), [f"{kill}: {wrong}" for kill in kills for wrong in _broken(phase, world, kill, due)]


def _broken(phase: Phase, world: Path, kill: Kill, due: list[str]) -> list[str]:
    case, result = world / "case", world / "case" / "result"
    if (code := _run(phase, world, Changes([case], kill))) != -9:
        return [f"was not killed, but ended with {code}"]
    wrong = chaos.broken(case)
    readable = Path(atomic_replace.readable_folder(str(result)))
    if not (readable / phase.document).exists():
        wrong.append(f"neither the earlier nor the next {phase.document} can be read")
    if (code := chaos.run_forked(_working(phase, result, 2), world / "log", Changes([], Kill()))) != 0:
        wrong.append(f"the next run ends with {code}: {(world / 'log').read_text()[-300:]}")
    left = collections.Counter(chaos.listing(case)) - collections.Counter(due)
    return [*wrong, *chaos.broken(case), *(f"{name} is left" for name in left)]


def _run(phase: Phase, world: Path, changes: Changes) -> int:
    """The next run, after an earlier one."""
    shutil.rmtree(world / "case", ignore_errors=True)
    result = world / "case" / "result"
    result.mkdir(parents=True)
    assert chaos.run_forked(_working(phase, result, 0), world / "log", Changes([], Kill())) == 0
    return chaos.run_forked(_working(phase, result, 1), world / "log", changes)


def _working(phase: Phase, result: Path, number: int) -> Callable[[], int]:
    def work() -> int:
        phase.work(str(result), number)
        return 0

    return work


def _nothing_is_swept() -> None:
    """As before there were leases."""
    for module in (lease, temporary_files):
        module.sweep = lambda *_: None  # type: ignore[attr-defined]


def main(argv: list[str]) -> None:
    if argv[:1] == ["--plant"]:
        _nothing_is_swept()
    names, results = [name for name in argv if name in PHASES] or [*PHASES], dict[str, Any]()
    for name in names:
        with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
            count, wrong = kill_at_every_change(PHASES[name], Path(folder).resolve())
        results[name] = {"moments": count, "broken": wrong}
    print(json.dumps(results))


def results_of(text: str) -> Mapping[str, Mapping[str, Any]]:
    """What `main` printed."""
    return dict(json.loads(text.splitlines()[-1]))


if __name__ == "__main__":
    main(sys.argv[1:])
