"""Measures detection, not speed: `python benchmarks/detection.py [--quick] [--seed N]`.

Windows of flights and of generated features are judged by this job and by its peers, as they are and with
faults planted in them. The full run writes DETECTION.md and detection.json beside this file, and pictures
under docs/. Its exit code is 1 where something promised does not hold. A quick run judges fewer windows by
this job alone, writes nothing, and has exit code 1 where they refute a promise.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from benchmarks import (  # noqa: E402
    detection_curves,
    detection_days,
    detection_new_rows,
    detection_others,
    detection_promises,
    detection_quick,
    detection_report,
    detection_year,
    peers_venv,
    refutation,
    report,
)
from benchmarks.detection_answers import Judged  # noqa: E402
from benchmarks.detection_bounds import Bound, bounds  # noqa: E402
from benchmarks.detection_large import trifles  # noqa: E402
from benchmarks.detection_windows import FULL, Counts, agreed, judged, tasks  # noqa: E402

_HERE = Path(__file__).resolve().parent
_CACHE = ROOT / ".bench-cache"
_LOG = _CACHE / "detection.log"
_PAGE, _FIGURES = _HERE / "DETECTION.md", _HERE / "detection.json"
_SEED = 1


def run(plan: Mapping[int, Counts], seed: int, python: Path | None) -> list[Judged]:
    """Judges all windows of a plan; says how far it has come."""
    every = tasks(plan, seed)
    done: list[Judged] = []
    for window in judged(every, python, _LOG):
        done.append(window)
        if len(done) % 100 == 0 or len(done) == len(every):
            say(f"{len(done):,} of {len(every):,} windows, now of {window.rows:,} rows")
    return sorted(done, key=lambda window: (window.rows, window.source, window.number))


def write(windows: Sequence[Judged], promises: Sequence[Bound], about: str, page: str) -> Path:
    """DETECTION.md and detection.json; the latter's path."""
    _PAGE.write_text(page, encoding="utf-8")
    figures: dict[str, Any] = {
        "about": about,
        "promises": [promise._asdict() for promise in promises],
        "sizes": detection_curves.figures(windows),
    }
    _FIGURES.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return _FIGURES


def draw(figures: Path, python: Path) -> None:
    """The pictures, by the peers' interpreter, which has what draws."""
    command = [str(python), str(_HERE / "detection_pictures.py"), str(figures), str(ROOT / "docs")]
    subprocess.run(command, check=True)


def about(seed: int, begun: float) -> str:
    """Seed, duration, machine and versions."""
    peers = ", ".join(name for name in peers_venv.PACKAGES if name.startswith(("evidently", "scipy")))
    minutes = (time.perf_counter() - begun) / 60
    return f"Seed {seed}, {minutes:.0f} minutes. {report.machine()} The peers: {peers}."


def say(text: str) -> None:
    """A line of progress, with the time since the start."""
    print(f"[{time.perf_counter() - _BEGUN:6.0f} s] {text}", flush=True)


_BEGUN = time.perf_counter()


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the benchmark; 1 where a promise does not hold, or is refuted."""
    options = _parse(argv)
    # So that the pool ends its processes, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    return quick(options.seed) if options.quick else full(options.seed)


def quick(seed: int) -> int:
    """Few windows, judged by this job alone; 1 where they refute a promise."""
    promises = detection_quick.promises(seed, _LOG)
    print(refutation.report(promises))
    failures = refutation.failures(promises)
    say(f"seed {seed}: promises that fail: {len(failures)} of {len(promises)}")
    return 1 if failures else 0


def full(seed: int) -> int:
    """All windows, judged by everybody; 1 where a promise does not hold."""
    notes: list[str] = []
    python = peers_venv.python(_CACHE, notes, say)
    if python is not None:
        agreed(python)
        say("Evidently's report agrees with the tests that are asked here")
    errors = trifles(seed)
    say(f"two million rows: {sum(errors.values())} errors of {len(errors)} trifles")
    windows = run(FULL, seed, python)
    days = detection_days.judged()
    say(f"{len(days)} real days, {sum(1 for day in days if day.errors)} with an error")
    new_rows = detection_new_rows.judged(seed=seed)
    others = [*detection_others.promises(seed), detection_promises.of_new_rows(new_rows)]
    years, delays = detection_year.measured(seed=seed)
    others += detection_year.promises(years, delays)
    say(f"{len(others)} promises of seasons, vectors, ties, requests, new rows and years of nights")
    promises = bounds(windows, errors, days, others)
    heading = about(seed, _BEGUN)
    page = detection_report.document(
        windows, promises, heading, [*notes, *detection_year.sections(years, delays)], days, new_rows=new_rows
    )
    print(page)
    if python is not None:  # else what stands there says more
        draw(write(windows, promises, heading, page), python)
        say(f"wrote {_PAGE.name}, {_FIGURES.name} and the pictures")
    print(*promises, sep="\n")
    return 0 if all(promise.holds for promise in promises) else 1


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="few windows, in three minutes; writes nothing")
    parser.add_argument("--seed", type=int, default=_SEED, help=f"of the windows and faults ({_SEED})")
    return parser.parse_args(argv)


if __name__ == "__main__":
    sys.exit(main())
