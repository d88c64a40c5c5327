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
import functools
import json
import os
import random
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from support import chaos, check, e2e
from support.chaos import Changes, Kill, Later
from support.chaos_command import Case, Command

from trueserve.pipelines import cli
from trueserve.pipelines.flags.commands import COMMANDS

ROWS, CUTS = 600, (400,)


def cases(command: Command, rng: random.Random, kills: int, sample: int) -> list[Case]:
    """Every change beside the result, `sample` of the others, and `kills` of each kind at random moments."""
    numbers = _sampled(command.changes, rng, sample)
    opened = sorted({*numbers} & {*command.changes.opened})
    planned = [Case(f"before change {number}", Kill(number)) for number in numbers]
    planned += [Case(f"within change {number}", Kill(number, half=True)) for number in opened]
    for kind, kill in (("one process", Kill(alone=True)), ("SIGTERM", Kill(term=True))):
        some = sorted(rng.sample(range(command.changes.count), min(kills, command.changes.count)))
        planned += [Case(f"{kind} at change {number}", kill._replace(change=number)) for number in some]
    for number in (signal.SIGKILL, signal.SIGTERM):
        times = sorted(rng.uniform(0, command.seconds) for _ in range(kills))
        planned += [Case(f"{number.name} after {at:.2f} s", later=Later(at, number)) for at in times]
    return planned


def _sampled(changes: Changes, rng: random.Random, sample: int) -> list[int]:
    """The numbers of all changes below the first folder, and of `sample` others; 0 for all of those."""
    writes_in_first_folder = {*changes.in_first_folder}
    others = [number for number in range(changes.count) if number not in writes_in_first_folder]
    return sorted([*writes_in_first_folder, *rng.sample(others, min(sample or len(others), len(others)))])


def make_world(world: Path) -> dict[str, tuple[str, str, str]]:
    """Inputs and earlier results; by command its flags, the earlier result and the document of the result."""
    (world / "features.py").write_text(e2e.PREPROCESSING)
    examples = e2e.write_examples(world / "training", e2e.rides(ROWS, 1), CUTS)
    logs = e2e.write_logs(world / "logs", e2e.requests(e2e.rides(ROWS, 1)), CUTS)
    # In a process of its own: what TensorFlow has started in this one would be missing after a fork.
    _run_once(world, lambda: _train(world / "model.keras"))
    prepare = f"--examples={examples} --preprocessing={{w}}/features.py --label={e2e.LABEL}"
    adopt = (
        "--schema={w}/base/schema.pbtxt --statistics={w}/base/stats.binpb"
        f" --transform_output={{w}}/base/transform_output --examples={examples}"
    )
    export = "--baseline={w}/base --model={w}/model.keras"
    validate = f"--baseline={{w}}/base --logs={logs}"
    times = "--start=2013-07-01T00:00 --end=2013-07-01T04:00 --every=PT2H"
    join = f"--examples={examples} --logs={logs} --key=distance,hour --allow_duplicate_identifiers"
    commands = {
        "prepare": (f"{prepare} --baseline={{c}}/result", "base", "contract.json"),
        "adopt": (f"{adopt} --baseline={{c}}/result", "adopted", "contract.json"),
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
    code = chaos.run_forked(work, world / "log", Changes([], Kill()))
    assert code in (0, 1), (code, (world / "log").read_text())


def try_command(command: Command, planned: list[Case]) -> tuple[collections.Counter[str], list[str]]:
    """How many cases of each kind there were, and what was broken."""
    kinds, violations, began = collections.Counter[str](), list[str](), time.monotonic()
    for number, case in enumerate(planned, 1):
        kinds[case.moment.split(" after")[0].split(" change")[0]] += 1
        try:
            wrong = list(command.broken_by(case))
        except Exception as error:  # noqa: BLE001 - what cannot be read is not whole
            wrong = [f"{type(error).__name__}: {error}"]
        violations += [f"{command.name}, {case.moment}: {reason}" for reason in wrong]
        for line in violations[len(violations) - len(wrong) :]:
            print(f"  VIOLATION {line}", flush=True)
        if number % 20 == 0 or number == len(planned):
            seconds = time.monotonic() - began
            print(f"  {command.name}: {number} of {len(planned)} moments, {seconds:.0f} s", flush=True)
    return kinds, violations


class Tally(NamedTuple):
    """What one process saw of its part of a command's moments."""

    writes_in_first_folder: int
    violations: int
    kinds: dict[str, int]


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=12, help="of the random moments; default %(default)s")
    parser.add_argument("--kills", type=int, default=8, help="kills of each kind at random moments")
    parser.add_argument("--sample", type=int, default=10, help="writes in the temporary folder; 0 for all")
    parser.add_argument("--skip", type=int, default=0, help="moments of each command, to go on with a run")
    parser.add_argument("--jobs", type=int, default=2, help="moments of a command at once")
    parser.add_argument("--commands", default="prepare,adopt,export,check,validate,backtest,join")
    options = parser.parse_args(argv)
    print(f"seed {options.seed}; importing", flush=True)
    for name in COMMANDS:
        cli._import_command(COMMANDS[name])
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        commands = make_world(Path(folder))
        rows = [
            _row(name, _in_processes(Path(folder), name, commands[name], options))
            for name in options.commands.split(",")
        ]
    for row in (("command", "ended", "violations", "moments"), *rows):
        print("{:10} {:>6} {:>10}  {}".format(*row))
    print(f"{time.monotonic() - began:.0f} s")
    return 0 if all(row[2] == "0" for row in rows) else 1


def _row(name: str, tallies: list[Tally] | None) -> tuple[str, str, str, str]:
    """A command's row of the table; the parts are of one list only if all saw as many writes."""
    if not tallies or len({tally.writes_in_first_folder for tally in tallies}) > 1:
        return name, "-", "failed", ""
    kinds = sum((collections.Counter(tally.kinds) for tally in tallies), collections.Counter[str]())
    kill_counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    return name, str(kinds.total()), str(sum(tally.violations for tally in tallies)), kill_counts


def _in_processes(
    world: Path, name: str, flags: tuple[str, str, str], options: argparse.Namespace
) -> list[Tally] | None:
    """A command's moments in turn to so many processes, each a fork; None if one of them fails."""
    folders = [world / name / str(part) for part in range(options.jobs)]
    for folder in folders:
        folder.mkdir(parents=True)
        if not os.fork():
            _write_tally(functools.partial(_try_part, world, folder, name, flags, options), folder / "tally")
    for _ in folders:
        os.wait()
    files = [folder / "tally" for folder in folders]
    return [Tally(*json.loads(file.read_text())) for file in files] if all(map(Path.exists, files)) else None


def _try_part(
    world: Path, folder: Path, name: str, flags: tuple[str, str, str], options: argparse.Namespace
) -> Tally:
    """Part `folder.name` of the moments: every `--jobs`-th of a list that is the same in each process."""
    chaos.adopt_orphans()
    command = Command(world, folder, name, *flags)
    rng = random.Random(f"{options.seed} {name}")
    planned = cases(command, rng, options.kills, options.sample)[options.skip :]
    writes_in_first_folder = len(command.changes.in_first_folder)
    counts = (
        f"{command.changes.count} writes, {writes_in_first_folder} beside the result, {len(planned)} moments"
    )
    print(f"{name}: {counts} for {options.jobs} processes", flush=True)
    kinds, wrong = try_command(command, planned[int(folder.name) :: options.jobs])
    return Tally(writes_in_first_folder, len(wrong), kinds)


def _write_tally(work: Callable[[], Tally], file: Path) -> None:
    """The rest of this process's life."""
    try:
        file.write_text(json.dumps(work()))
    except BaseException:  # noqa: BLE001 - its tally is missing
        traceback.print_exc()
    finally:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
