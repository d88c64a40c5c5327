"""Measures estimated harm against true labels: `python benchmarks/harm.py [--seed N]`; writes HARM.md.

Two models are trained and exported by the commands; windows of rows that they have not seen are judged by
this job and by NannyML, in one run. The exit code is 1 where a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pandas as pd  # noqa: E402

from benchmarks import harm_data, harm_models, harm_report, harm_windows, peers_venv, report  # noqa: E402
from benchmarks.harm_data import Source  # noqa: E402
from benchmarks.harm_report import Measured  # noqa: E402
from benchmarks.harm_windows import Interval, Judged  # noqa: E402
from trueserve.transforms.performance.bins import Task  # noqa: E402

_HERE = Path(__file__).resolve().parent
_CACHE, _PAGE = ROOT / ".bench-cache", _HERE / "HARM.md"
_SEED = 20261
_BEGUN = time.perf_counter()


def measure(source: Source, seed: int, python: Path | None, notes: list[str]) -> Measured:
    """Trains, exports, and judges all windows."""
    with tempfile.TemporaryDirectory() as folder:
        exported = harm_models.export(source, Path(folder), seed)
        say(f"{source.name}: exported")
        windows = list(harm_windows.judged(exported, seed))
        splits = list(harm_windows.splits(exported, seed))
        say(f"{source.name}: {len(splits)} windows of other splits judged")
        reference = harm_windows.reference(exported)
        say(f"{source.name}: {len(windows)} windows judged")
        if python is not None:
            command = [str(python), "-W", "ignore", str(_HERE / "harm_nannyml.py"), source.task.value]
            notes += ask_peer(command, reference, windows, Path(folder))
            say(f"{source.name}: NannyML asked")
        is_binary = source.task is Task.BINARY
        predictions = reference["probability" if is_binary else "predicted"].to_numpy()
        at_export = harm_windows.plain(source.task, predictions, reference["label"].to_numpy())
    return Measured(source.name, "auc" if is_binary else "mae", at_export, windows, splits)


def ask_peer(
    command: Sequence[str], reference: pd.DataFrame, windows: Sequence[Judged], folder: Path
) -> list[str]:
    """Adds NannyML's estimates to the windows; a note where it fails."""
    files = [folder / name for name in ("reference.parquet", "windows.parquet")]
    reference.to_parquet(files[0])
    pd.concat([window.frame for window in windows], ignore_index=True).to_parquet(files[1])
    # It would report its use over the network.
    environment = {**os.environ, "NML_DISABLE_USAGE_LOGGING": "1"}
    arguments = [*command, *map(str, files), str(windows[0].rows)]
    done = subprocess.run(arguments, env=environment, capture_output=True, text=True, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode or len(lines) != len(windows):
        return [f"NannyML failed: {(done.stderr.strip() or 'no answer').splitlines()[-1]}"]
    for window, line in zip(windows, lines, strict=True):
        window.theirs = {metric: Interval(*bounds) for metric, bounds in json.loads(line).items()}
    return []


def about(seed: int) -> str:
    """Seed, duration, machine and versions."""
    peers = ", ".join(peers_venv.NANNYML_PACKAGES[:1])
    minutes = (time.perf_counter() - _BEGUN) / 60
    return f"Seed {seed}, {minutes:.0f} minutes. {report.machine()} The peer: {peers}."


def say(text: str) -> None:
    """A line of progress, with the time since the start."""
    print(f"[{time.perf_counter() - _BEGUN:6.0f} s] {text}", flush=True)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=_SEED)
    seed = parser.parse_args(argv).seed
    notes: list[str] = []
    python = peers_venv.nannyml(_CACHE, notes, say)
    sources = [harm_data.of_flights(), harm_data.of_traffic(_CACHE)]
    parts = [measure(source, seed, python, notes) for source in sources]
    bars = harm_report.bars(parts)
    _PAGE.write_text(harm_report.document(parts, bars, about(seed), notes), encoding="utf-8")
    for bar in bars:
        print("holds " if bar.holds else "MISSED", bar.name, bar.measured)
    return 0 if all(bar.holds for bar in bars) else 1


if __name__ == "__main__":
    sys.exit(main())
