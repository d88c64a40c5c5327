"""`make chaos`: each command is killed at every write that it makes, and at random moments.

Afterwards the earlier result must be whole, the next run must succeed with the same result, and nothing may
be left that a run without a kill would not have left. TensorFlow is imported once: each run is a fork.

The default: SIGKILL before every write beside the result, and within each that opens a file; the same at a
random sample of the writes in the folder for temporary files; SIGTERM, and SIGKILL of one process alone, at
random writes; SIGKILL and SIGTERM at random times. `--sample=0` takes every write in the temporary folder.
"""

from __future__ import annotations

import argparse
import collections
import dataclasses
import functools
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from support import chaos, check, e2e
from support.chaos import Changes, Kill, Later

from pipelines import cli
from pipelines.process import leftovers, supervisor
from transforms.baseline import layout

ROWS, CUTS = 600, (400,)
_NOTHING = Kill()
# What two runs without a kill may differ in: bytes that TensorFlow chooses anew, and names of runs.
_BY_CHANCE = re.compile(r".*/fingerprint\.pb/.*|/replaces")


@dataclasses.dataclass(frozen=True)
class Case:
    """One run that is ended at one moment."""

    moment: str
    kill: Kill = _NOTHING
    later: Later | None = None

    @property
    def cleans_up(self) -> bool:
        """Whether the supervisor lives on, and leaves nothing for the next run."""
        return (
            self.kill.alone
            or self.kill.term
            or (self.later is not None and self.later.number is not signal.SIGKILL)
        )


class Command:
    """A command, the result of an earlier run, and what a run that nobody ends makes of it."""

    def __init__(self, world: Path, name: str, flags: str, before: str, document: str) -> None:
        self.name, self.before, self._document = name, world / before, document
        self.case, self.temporary, self.log = (world / name / each for each in ("case", "temporary", "log"))
        self._argv = [name, *flags.format(w=world, c=self.case).split()]
        first, again = self._reference(), self._reference()
        assert first[:3] == again[:3], (first[:3], again[:3])
        self.code, self.listing, self.temporary_listing, _, self.seconds, self.changes = again
        same = {key for key, value in again[3].items() if first[3].get(key) == value}
        self._stable = {key for key in same if not _BY_CHANCE.fullmatch(key)}
        self._result = again[3]

    def _reference(self) -> tuple[int, list[str], list[str], dict[str, Any], float, Changes]:
        self._begin()
        began, changes = time.monotonic(), self._watched(_NOTHING)
        code = self._run(changes)
        lists = chaos.listing(self.case), chaos.listing(self.temporary)
        return code, *lists, self._documents(), time.monotonic() - began, changes

    def broken_by(self, case: Case) -> Iterator[str]:
        """Runs a case, and the next run; what is not as it must be."""
        self._begin()
        code = self._run(self._watched(case.kill), case.later)
        yield from (f"process {pid} lives on" for pid in chaos.living_orphans())
        yield from chaos.broken(self.case)
        yield from self._broken_earlier()
        if case.cleans_up and code != -signal.SIGKILL:  # the supervisor itself, where that made the change
            yield from self._not_clean(code)
        if (code := self._run(self._watched(_NOTHING))) != self.code:
            yield f"the next run ends with {code}: {self.log.read_text()[-300:]}"
        yield from _compared("beside the result", chaos.listing(self.case), self.listing)
        yield from _compared("temporary", chaos.listing(self.temporary), self.temporary_listing)
        yield from chaos.broken(self.case)
        yield from self._not_same(self._documents())

    def _begin(self) -> None:
        for folder in (self.case, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        if self.before.is_dir():
            shutil.copytree(self.before, self.case / "result")

    def _watched(self, kill: Kill) -> Changes:
        return Changes([self.case, self.temporary], kill)

    def _run(self, changes: Changes, later: Later | None = None) -> int:
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
        return chaos.run_forked(lambda: supervisor.run(self._argv, cli.main), self.log, changes, later)

    def _broken_earlier(self) -> Iterator[str]:
        """What is wrong with the earlier result, in which no document names files with their digests."""
        result = self.case / "result"
        if self.name == "prepare":
            layout.load(str(result))  # raises for one that is not whole
        if self.name == "export" and chaos.snapshot(result / "1") != chaos.snapshot(self.before / "1"):
            yield "the earlier version is not what it was"
        if self.name == "join":
            json.loads((result / self._document).read_bytes())

    def _not_clean(self, code: int) -> Iterator[str]:
        if code not in (self.code, 128 + signal.SIGTERM, 128 + signal.SIGKILL):
            yield f"it ends with {code}: {self.log.read_text()[-300:]}"
        more = {*chaos.listing(self.case)} - {*self.listing} - {"result/backtest.pending.json"}
        yield from (f"left by a run that could clean up: {name}" for name in sorted(more))
        yield from _compared("temporary", chaos.listing(self.temporary), self.temporary_listing)

    def _documents(self) -> dict[str, Any]:
        """The result as flat JSON; of versions that of the newest."""
        found = sorted((self.case / "result").glob(self._document), key=lambda path: path.stat().st_mtime)
        return dict(_flat("", json.loads(found[-1].read_bytes()))) if found else {}

    def _not_same(self, result: Mapping[str, Any]) -> Iterator[str]:
        if result.keys() != self._result.keys():
            yield "the next result has other fields"
        for key in sorted(self._stable & result.keys()):
            if result[key] != self._result[key]:
                yield f"the next result differs in {key}"


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    if isinstance(value, dict | list):
        for key, child in children:
            yield from _flat(f"{name}/{key}", child)
    else:
        yield name, value


def _compared(what: str, got: list[str], due: list[str]) -> Iterator[str]:
    yield from (f"{what}: {name} is left" for name in sorted({*got} - {*due}))
    yield from (f"{what}: {name} is missing" for name in sorted({*due} - {*got}))


def cases(command: Command, chance: random.Random, moments: int, sample: int) -> list[Case]:
    """Every change beside the result, `sample` of the others, and so many random moments of each kind."""
    numbers = _sampled(command.changes, chance, sample)
    opened = sorted({*numbers} & {*command.changes.opened})
    found = [Case(f"before change {number}", Kill(number)) for number in numbers]
    found += [Case(f"within change {number}", Kill(number, half=True)) for number in opened]
    for kind, kill in (("one process", Kill(alone=True)), ("SIGTERM", Kill(term=True))):
        some = sorted(chance.sample(range(command.changes.count), min(moments, command.changes.count)))
        found += [Case(f"{kind} at change {number}", kill._replace(change=number)) for number in some]
    for number in (signal.SIGKILL, signal.SIGTERM):
        times = sorted(chance.uniform(0, command.seconds) for _ in range(moments))
        found += [Case(f"{number.name} after {at:.2f} s", later=Later(at, number)) for at in times]
    return found


def _sampled(changes: Changes, chance: random.Random, sample: int) -> list[int]:
    """The numbers of all changes below the first folder, and of `sample` others; 0 for all of those."""
    beside = {*changes.in_first_folder}
    others = [number for number in range(changes.count) if number not in beside]
    return sorted([*beside, *chance.sample(others, min(sample or len(others), len(others)))])


def make_world(world: Path) -> dict[str, tuple[str, str, str]]:
    """Inputs and earlier results; by command its flags, the earlier result and the document of the result."""
    (world / "features.py").write_text(e2e.PREPROCESSING)
    examples = e2e.write_examples(world / "training", e2e.rides(ROWS, 1), CUTS)
    logs = e2e.write_logs(world / "logs", e2e.requests(e2e.rides(ROWS, 1)), CUTS)
    # In a process of its own: what TensorFlow has started in this one would be missing after a fork.
    _run_once(world, lambda: _train(world / "model.keras"))
    prepare = f"--examples={examples} --preprocessing={{w}}/features.py --label={e2e.LABEL}"
    export = "--baseline={w}/base --model={w}/model.keras"
    validate = f"--baseline={{w}}/base --logs={logs}"
    times = "--start=2013-07-01T00:00 --end=2013-07-01T04:00 --every=PT2H"
    join = f"--examples={examples} --logs={logs} --key=distance,hour --allow_duplicate_identifiers"
    commands = {
        "prepare": (f"{prepare} --baseline={{c}}/result", "base", "contract.json"),
        "export": (f"{export} --output={{c}}/result", "served", "*/assets.extra/contract.json"),
        "check": ("--baseline={w}/base --model={w}/served/1", "none", "none"),
        "validate": (f"{validate} --output={{c}}/result", "verdicts", "verdict.json"),
        "backtest": (f"{validate} {times} --output={{c}}/result", "limits", "backtest.json"),
        "join": (f"{join} --output={{c}}/result", "joined", "join.json"),
    }
    for name, (flags, before, _) in commands.items():
        argv = [name, *flags.replace("{c}/result", f"{{w}}/{before}").format(w=world, c="").split()]
        _run_once(world, functools.partial(cli.main, argv))
    return commands


def _train(model: Path) -> int:
    check.train(model)
    return 0


def _run_once(world: Path, work: Callable[[], int]) -> None:
    code = chaos.run_forked(work, world / "log", Changes([], _NOTHING))
    assert code in (0, 1), (code, (world / "log").read_text())


def try_command(command: Command, found: list[Case]) -> tuple[collections.Counter[str], list[str]]:
    """How many cases of each kind there were, and what was broken."""
    kinds, violations, began = collections.Counter[str](), list[str](), time.monotonic()
    for number, case in enumerate(found, 1):
        kinds[case.moment.split(" after")[0].split(" change")[0]] += 1
        try:
            wrong = list(command.broken_by(case))
        except Exception as error:  # noqa: BLE001 - what cannot be read is not whole
            wrong = [f"{type(error).__name__}: {error}"]
        violations += [f"{command.name}, {case.moment}: {one}" for one in wrong]
        for line in violations[len(violations) - len(wrong) :]:
            print(f"  VIOLATION {line}", flush=True)
        if number % 20 == 0 or number == len(found):
            seconds = time.monotonic() - began
            print(f"  {command.name}: {number} of {len(found)} moments, {seconds:.0f} s", flush=True)
    return kinds, violations


Row = tuple[str, str, str, str]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=12, help="of the random moments; default %(default)s")
    parser.add_argument("--moments", type=int, default=8, help="random moments of each kind")
    parser.add_argument("--sample", type=int, default=10, help="writes in the temporary folder; 0 for all")
    parser.add_argument("--skip", type=int, default=0, help="moments of each command, to go on with a run")
    parser.add_argument("--jobs", type=int, default=2, help="commands at once")
    parser.add_argument("--commands", default=",".join(leftovers.COMMANDS))
    options = parser.parse_args(argv)
    print(f"seed {options.seed}; importing", flush=True)
    for name in leftovers.COMMANDS:
        cli._import_command(name)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        commands = make_world(Path(folder))
        names = options.commands.split(",")
        work = {
            name: functools.partial(_try_all, Path(folder), name, commands[name], options) for name in names
        }
        rows = _in_processes(work, options.jobs, Path(folder))
    for row in (("command", "ended", "violations", "moments"), *rows):
        print("{:10} {:>6} {:>10}  {}".format(*row))
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if [row[2] for row in rows] == ["0"] * len(names) else 1


def _try_all(world: Path, name: str, flags: tuple[str, str, str], options: argparse.Namespace) -> Row:
    chaos.adopt_orphans()
    command = Command(world, name, *flags)
    found = cases(command, random.Random(f"{options.seed} {name}"), options.moments, options.sample)[
        options.skip :
    ]
    beside = len(command.changes.in_first_folder)
    print(
        f"{name}: {command.changes.count} writes, {beside} beside the result, {len(found)} moments",
        flush=True,
    )
    kinds, wrong = try_command(command, found)
    return name, str(sum(kinds.values())), str(len(wrong)), _counted(kinds)


def _in_processes(work: Mapping[str, Callable[[], Row]], jobs: int, world: Path) -> list[Row]:
    """What each returns, `jobs` of them at once, each in a fork of its own; a row says so if one fails."""
    running, waiting = dict[int, str](), [*work]
    while running or waiting:
        while waiting and len(running) < jobs:
            name = waiting.pop(0)
            if not (child := os.fork()):
                _write_row(work[name], world / f"{name}.row")
            running[child] = name
        running.pop(os.wait()[0], None)
    files = ((name, world / f"{name}.row") for name in work)
    failed = ("-", "failed", "")
    return [tuple(json.loads(file.read_text())) if file.exists() else (name, *failed) for name, file in files]


def _write_row(work: Callable[[], Row], file: Path) -> None:
    """The rest of this process's life."""
    try:
        file.write_text(json.dumps(work()))
    except BaseException:  # noqa: BLE001 - its row is missing
        traceback.print_exc()
    finally:
        os._exit(0)


def _counted(kinds: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {kind}" for kind, count in kinds.items())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
