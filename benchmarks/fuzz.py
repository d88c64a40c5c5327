"""Fuzzes the decoders: `python benchmarks/fuzz.py [--decoder=NAME] [--inputs=N] [--seed=S] [--minutes=M]`.

Each decoder has a process of its own, which is killed when it makes no way; so a hang and a crash in compiled
code are seen, too. Prints a line for each; ends with 1, and says how to see it again, where one has failed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# The slowest batch may take `fuzz_run.MAX_SECONDS`; loading and compiling take longer.
SILENCE_SECONDS = 120.0
_FAILURES = ROOT / ".fuzz-failures"


@dataclasses.dataclass
class Ended:
    """What a decoder's process said at last, and why it failed, if it did."""

    tally: dict[str, Any]
    failure: str | None = None


def main(arguments: Sequence[str] | None = None) -> int:
    args = _parser().parse_args(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if args.worker:
        return _work(args)
    from benchmarks.fuzz_cases import CASES

    names = [args.decoder] if args.decoder else [case.name for case in CASES]
    print(
        f"{'decoder':20} {'inputs':>10} {'read':>10} {'a second':>9} {'slowest':>8} {'growth':>8}  left out"
    )
    results = [_run(name, args) for name in names]
    return 1 if any(ended.failure for ended in results) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--decoder", help="one of them only")
    parser.add_argument("--inputs", type=int, default=1_000_000, help="for each decoder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start", type=int, default=0, help="the number of the first batch")
    parser.add_argument("--minutes", type=float, default=60.0, help="the most for each decoder")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser


def _run(name: str, args: argparse.Namespace) -> Ended:
    with tempfile.TemporaryDirectory(prefix="trueserve-fuzz-") as folder:
        command = [sys.executable, __file__, "--worker", folder, f"--decoder={name}", f"--start={args.start}"]
        command += [f"--inputs={args.inputs}", f"--seed={args.seed}"]
        ended = watch(command, SILENCE_SECONDS, 60 * args.minutes)
        print(_line(name, ended.tally), flush=True)
        if ended.failure:
            kept = _kept(Path(folder), name)
            again = (
                f"--decoder={name} --seed={args.seed} --start={args.start + ended.tally.get('batches', 0)}"
            )
            print(f"  FAILED: {ended.failure}\n  kept in {kept}; again: {again}", flush=True)
    return ended


def watch(command: Sequence[str], silence: float, most: float) -> Ended:
    """Runs a worker and reads its lines; it is killed when it says nothing for `silence` seconds.

    After `most` seconds it is ended, which is no failure.
    """
    ended, lines, until = Ended({}), queue.Queue[str | None](), time.monotonic() + most
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        last_lines: list[str] = []
        readers = [
            threading.Thread(target=_read, args=(process.stdout, lines)),
            threading.Thread(target=lambda: last_lines.extend(_tail(process.stderr))),
        ]
        for reader in readers:
            reader.start()
        try:
            while (line := lines.get(timeout=silence)) is not None:
                ended.tally = json.loads(line)
                if time.monotonic() > until:
                    process.kill()
                    return ended
        except queue.Empty:
            process.kill()
            ended.failure = f"nothing was heard for {silence:.0f} seconds"
        finally:
            for reader in readers:
                reader.join()
    if process.returncode and ended.failure is None:
        ended.failure = f"exit {process.returncode}: " + "\n".join(last_lines)[-3000:]
    return ended


def _read(stream: IO[str] | None, lines: queue.Queue[str | None]) -> None:
    for line in stream or ():
        lines.put(line)
    lines.put(None)


def _tail(stream: IO[str] | None) -> list[str]:
    return [line.rstrip() for line in stream or ()][-40:]


def _work(args: argparse.Namespace) -> int:
    from benchmarks.fuzz_run import case_of, fuzz

    tallies = fuzz(case_of(args.decoder), args.inputs, args.seed, Path(args.worker), args.start)
    for batches, tally in enumerate(tallies, 1):
        print(json.dumps(vars(tally) | {"batches": batches}), flush=True)
    return 0


def _line(name: str, tally: dict[str, Any]) -> str:
    if not tally:
        return f"{name:20} nothing was decoded"
    rate = tally["inputs"] / max(tally["spent"], 1e-9)
    reasons = sorted(tally["left_out"].items(), key=lambda item: -item[1])
    counts = ", ".join(f"{reason} {count:,}" for reason, count in reasons)
    numbers = f"{tally['inputs']:>10,} {tally['read']:>10,} {rate:>9,.0f}"
    return f"{name:20} {numbers} {tally['slowest']:>7.2f}s {tally['growth'] >> 20:>5,} MB  {counts}"


def _kept(folder: Path, name: str) -> Path:
    """The inputs of the batch that failed, where they stay."""
    _FAILURES.mkdir(exist_ok=True)
    kept = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=_FAILURES))
    shutil.copytree(folder, kept, dirs_exist_ok=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
