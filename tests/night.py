"""`make night-test`: a backfill of 24 hours, killed with SIGKILL at 20 random moments and started again.

Half of the moments are times, half are changes of the file system, before or within which everything dies.
In the end there must be 24 right verdicts with one history, the alerts of the fault once each, and not a file
too many; and a rerun of an old hour must change nothing of the latest one, and alert nobody. TensorFlow is
imported once: each run is a fork.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, NamedTuple

from support import alerts, chaos, homes, night
from support.chaos import Changes, Kill, Later

from trueserve.pipelines import cli
from trueserve.pipelines.flags.commands import COMMANDS
from trueserve.pipelines.process import supervisor

#: Whom the fault is told to; both commands of a series read it.
ALERTS = f'[[alerts]]\nname = "{night.ALERT}"\ntype = "webhook"\nurl = "env:NIGHT_HOOK"\n'
#: A run is killed within so many windows' time, so that most kills come before all is done.
WINDOWS_BEFORE_A_KILL = 2.2


class Reference(NamedTuple):
    """What a backfill that nobody kills gives, and takes.

    Attributes:
      events: kind and window of what was alerted.
      parts: the content of each part of the history, by name.
      changes: of the file system, for each window.
      seconds: likewise.
    """

    windows: dict[str, dict[str, Any]]
    latest: bytes
    events: list[tuple[str, str]]
    parts: dict[str, bytes]
    changes: float
    seconds: float


class World:
    """A baseline, logs of some hours with a fault in a part of them, and folders for results."""

    def __init__(self, folder: Path, hours: int, baseline: str | None, hook: alerts.Server) -> None:
        self.hook = hook
        os.environ["NIGHT_HOOK"] = hook.url
        self.folder, self.temporary, self.log = folder, folder / "temporary", folder / "log"
        self.temporary.mkdir()
        self.hours = hours
        end = night.FIRST + hours * night.HOUR
        self.span = (f"--from={night.FIRST.isoformat()}", f"--to={end.isoformat()}")
        self.baseline = baseline or str(folder / "baseline")
        if baseline is None:
            # In a process of its own: what TensorFlow starts in this one would be missing after a fork.
            code = chaos.run_forked(self._make_home, self.log, Changes([], Kill()))
            assert code == 0, self.log.read_text()
        faulty = range(hours * 10 // 24, hours * 15 // 24)
        self.pattern = night.write_hours(folder / "hours", hours, faulty)

    def _make_home(self) -> int:
        homes.make_home(self.folder)
        return 0

    def run(self, output: Path, *argv: str, kill: Kill | None = None, later: Later | None = None) -> int:
        """The exit code of a command with the model's file, or minus the signal that ended it."""
        config = night.write_config(
            self.folder / f"{output.name}.toml", self.baseline, self.pattern, output, after=ALERTS
        )
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
        self.changes = Changes([output, self.temporary], kill or Kill())
        argv = (argv[0], f"--config={config}", *argv[1:])
        code = chaos.run_forked(lambda: supervisor.run(argv, cli.main), self.log, self.changes, later)
        # As long as a killed process is not gone, it holds its leases.
        assert chaos.living_orphans() == []
        return code

    def reference(self) -> Reference:
        """A backfill that nobody kills."""
        output, began = self.folder / "reference", time.monotonic()
        code = self.run(output, "backfill", *self.span)
        assert code == 1, (code, self.log.read_text())
        seconds = (time.monotonic() - began) / self.hours
        count = self.changes.count / self.hours
        latest = (output / "latest.json").read_bytes()
        return Reference(contents(output), latest, events(self.hook), parts_of(output), count, seconds)


def contents(output: Path) -> dict[str, dict[str, Any]]:
    """What each window says, without what differs from run to run."""
    stable = ("verdict", "exit_code", "window", "counts", "incidents", "findings", "features", "previous")
    return {name: {key: document[key] for key in stable} for name, document in night.windows(output).items()}


def events(hook: alerts.Server) -> list[tuple[str, str]]:
    """Kind and window of all events that came, each message once, and forgets them: a kill may repeat one."""
    messages = {document["id"]: document for document in hook.documents}
    hook.requests.clear()
    return sorted(
        (event["kind"], str(event["start"])) for message in messages.values() for event in message["events"]
    )


def parts_of(output: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (output / "history").iterdir()}


def killed(world: World, output: Path, reference: Reference, rng: random.Random, kills: int) -> int:
    """Starts the backfill until it ends by itself; gives how many runs were killed."""
    count = 0
    while count < kills:
        if count % 2:
            most = int(reference.changes * WINDOWS_BEFORE_A_KILL)
            code = world.run(
                output, "backfill", *world.span, kill=Kill(rng.randrange(most), half=rng.random() < 0.5)
            )
        else:
            most_seconds = reference.seconds * WINDOWS_BEFORE_A_KILL
            code = world.run(
                output, "backfill", *world.span, later=Later(rng.uniform(0, most_seconds), signal.SIGKILL)
            )
        if code >= 0:
            print(f"  it ended by itself with {code} after {count} kills", flush=True)
            assert code in (0, 1), world.log.read_text()
            break
        count += 1
        done = len(list((output / "windows").glob("*/settled.json")))
        print(f"  kill {count}: {done} windows are settled", flush=True)
    code = world.run(output, "backfill", *world.span)
    assert code in (0, 1), (code, world.log.read_text())
    return count


def wrong(world: World, output: Path, reference: Reference) -> list[str]:
    """What is not as it must be."""
    violations = [f"{name} is left" for name in night.untidy(output)]
    violations += [f"temporary: {name} is left" for name in chaos.listing(world.temporary)]
    violations += chaos.broken(output)
    windows = contents(output)
    if windows.keys() != reference.windows.keys() or len(windows) != world.hours:
        violations.append(f"{len(windows)} windows: {sorted(windows)}")
    for name in windows.keys() & reference.windows.keys():
        keys = [key for key in windows[name] if windows[name][key] != reference.windows[name][key]]
        violations += [f"{name} differs in {', '.join(keys)}"] if keys else []
    if (output / "latest.json").read_bytes() != reference.latest:
        violations.append("latest.json is not that of the last window")
    if parts_of(output).keys() != reference.parts.keys():
        violations.append(f"the history has {len(parts_of(output))} parts")
    return violations


def rerun_wrong(world: World, output: Path, reference: Reference) -> list[str]:
    """What a rerun of an old hour changes that it must not."""
    later_hour = night.hour_folder(output, world.hours // 2)
    before = (output / "latest.json").stat().st_mtime_ns, chaos.snapshot(later_hour)
    code = world.run(output, "run", f"--window={night.hour_folder(output, world.hours // 2 - 1).name}")
    violations = [] if code == 1 else [f"the rerun ends with {code}"]
    violations += [f"the rerun alerts {event}" for event in events(world.hook)]
    if before != ((output / "latest.json").stat().st_mtime_ns, chaos.snapshot(later_hour)):
        violations.append("the rerun changes what it must not")
    return violations + wrong(world, output, reference)


def main(argv: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seed", type=int, default=14, help="of the moments; default %(default)s")
    parser.add_argument("--kills", type=int, default=20, help="default %(default)s")
    parser.add_argument("--hours", type=int, default=24, help="windows; default %(default)s")
    parser.add_argument("--baseline", help="of rides; without it one is made")
    options = parser.parse_args(argv)
    print(f"seed {options.seed}; importing", flush=True)
    for name in ("backfill", "prepare", "validate"):
        cli._import_command(COMMANDS[name])
    with tempfile.TemporaryDirectory(prefix="night-") as folder, alerts.http_server() as hook:
        chaos.adopt_orphans()
        world, output = World(Path(folder), options.hours, options.baseline, hook), Path(folder, "output")
        reference = world.reference()
        print(f"{reference.seconds:.1f} s and {reference.changes:.0f} changes a window", flush=True)
        began = time.monotonic()
        count = killed(world, output, reference, random.Random(options.seed), options.kills)
        seconds = time.monotonic() - began
        alerted = events(hook)
        violations = [] if alerted == reference.events else [f"alerts: {alerted}, not {reference.events}"]
        violations += wrong(world, output, reference) + rerun_wrong(world, output, reference)
    for line in violations:
        print(f"VIOLATION {line}")
    print(f"{options.hours} windows, {count} kills, {len(violations)} violations, {seconds:.0f} s")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
