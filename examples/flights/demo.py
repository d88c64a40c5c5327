"""The whole way on real flights: prepare, train, export, serve, validate three times, and a week of nights.

Run it as `make demo`, or `python examples/flights/demo.py`. It exits 0 only if the verdicts are what
they should be (see README.md beside it).
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shlex
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
# Run as a script, only this folder is on the path.
sys.path.insert(0, str(HERE.parents[1]))
# TensorFlow's notes on missing GPUs, and Google's on Python versions to come, are nothing to act on here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
warnings.simplefilter("ignore", FutureWarning)

# New York's time, which is not the log's: the first of July begins there at 04:00 UTC.
SPRING = ("2013-01-01T00:00:00-05:00", "2013-07-01T00:00:00-04:00")
JULY = ("2013-07-01T00:00:00-04:00", "2013-08-01T00:00:00-04:00")
FAULTY = {"distance", "carrier"}
SMALL = 0.125

Verdict = dict[str, Any]


class Folders(NamedTuple):
    """What the demo writes, below its output folder."""

    train: Path
    evaluation: Path
    baseline: Path
    model: Path
    served: Path
    logs: Path
    skew: Path
    nights: Path


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the demo; 0 if all claims hold, 1 if not."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("demo-output"), metavar="DIR")
    parser.add_argument("--small", action="store_true", help="an eighth of the flights")
    options = parser.parse_args(argv)
    started = time.monotonic()
    folders = folders_below(options.output)
    rows = build(folders, SMALL if options.small else 1.0)
    verdicts = {
        "held_out": validate(folders, "held_out", SPRING, rows["held_out"]),
        "july": validate(folders, "july", JULY, rows["july"]),
        "july_faulty": validate(folders, "july_faulty", JULY, rows["july_faulty"]),
    }
    holds = check_claims(**verdicts) | check_nights(backfill(folders))
    return print_summary(folders, holds, time.monotonic() - started)


def folders_below(output: Path) -> Folders:
    """The demo's folders and files below `output`."""
    names = ("train", "evaluation", "baseline", "model/flights.keras", "served", "logs", "skew", "nights")
    return Folders(*(output / name for name in names))


def build(folders: Folders, fraction: float) -> dict[str, int]:
    """From the flights to three request logs; returns how many flights each log holds."""
    _say("Reading the flights of 2013 and the weather of the hour")
    from examples.flights import data, nights, serve, train

    for folder in (folders.train, folders.evaluation, folders.logs):
        shutil.rmtree(folder, ignore_errors=True)  # an earlier run may have written more files
    all_flights = data.read_flights()
    flights = data.split(all_flights, fraction)
    data.write_examples(flights.training, folders.train)
    data.write_examples(flights.held_out, folders.evaluation)
    print(f"{flights.training.num_rows:,} flights of January to June to train on")

    prepare(folders)
    _say("Training a Keras model on the transformed examples")
    print(f"AUC {train.train(folders.baseline, folders.model):.3f}")
    export(folders)

    _say("Serving flights through the exported model, logging the requests")
    logging.getLogger("absl").setLevel(logging.ERROR)  # tells of each name with a slash that is loaded
    server = serve.Server(folders.served)
    faulty = serve.in_lower_case(serve.in_kilometres(flights.july))
    tables = {"held_out": flights.held_out, "july": flights.july, "july_faulty": faulty}
    for name, table in tables.items():
        requests = serve.log_requests(server, table, folders.logs / name)
        print(f"{table.num_rows:,} flights in {requests:,} requests: {folders.logs / name}")
    count = nights.log_requests(server, data.split(all_flights).july, folders.logs / "nights")
    print(f"{count:,} flights of a week, with both faults in three of seven days: {folders.logs / 'nights'}")
    return {name: table.num_rows for name, table in tables.items()}


def prepare(folders: Folders) -> None:
    """`trueserve prepare`: training examples to baseline."""
    trueserve(
        "prepare",
        f"--examples={folders.train}/*.tfrecord.gz",
        f"--preprocessing={_shown(HERE / 'preprocessing.py')}",
        "--label=late",
        f"--baseline={folders.baseline}",
    )


def export(folders: Folders) -> None:
    """`trueserve export`: baseline and model to a SavedModel."""
    trueserve(
        "export",
        f"--baseline={folders.baseline}",
        f"--model={folders.model}",
        f"--evaluation={folders.evaluation}/*.tfrecord.gz",
        f"--output={folders.served}",
    )


def validate(folders: Folders, name: str, window: tuple[str, str], rows: int) -> Verdict:
    """`trueserve validate` on one log; returns its verdict, which must rest on so many rows."""
    output = folders.skew / name
    trueserve(
        "validate",
        f"--baseline={folders.baseline}",
        f"--logs={folders.logs / name}/*",
        f"--start={window[0]}",
        f"--end={window[1]}",
        f"--predictions={folders.served / '1'}",
        f"--output={output}",
        expected=(0, 1),
    )
    verdict: Verdict = json.loads((output / "verdict.json").read_text(encoding="utf-8"))
    if verdict["counts"]["compared"] != rows:
        raise SystemExit(f"{output}: {rows} flights served, {verdict['counts']['compared']} compared")
    return verdict


def backfill(folders: Folders) -> list[Verdict]:
    """`trueserve backfill` of a week: one file for all jobs of the model; returns the nights' verdicts."""
    from examples.flights import nights

    _say("A week of nights: both faults begin in the third, and are mended in the sixth")
    shutil.rmtree(folders.nights, ignore_errors=True)
    folders.nights.mkdir(parents=True)
    config = folders.nights / "flights.toml"
    nights.write_config(
        config, folders.baseline, folders.served / "1", folders.logs / "nights", folders.nights
    )
    first, end = nights.SPAN
    trueserve("backfill", f"--config={config}", f"--from={first}", f"--to={end}", expected=(0, 1))
    return nights.verdicts(folders.nights)


def check_nights(verdicts: list[Verdict]) -> dict[str, bool]:
    """What the nights should say, and whether they do."""
    from examples.flights import nights

    expected = ["", "", "new", "ongoing", "ongoing", "resolved", ""]
    return {
        "(e) of seven nights both faults are new in the third and resolved in the sixth": all(
            nights.states(verdicts, feature) == expected for feature in FAULTY
        )
    }


def trueserve(*arguments: str, expected: Sequence[int] = (0,)) -> None:
    """Shows a command line and runs it; ends the demo if its exit code is none of `expected`."""
    print(f"\n$ {shlex.join(('trueserve', *arguments))}", flush=True)
    script = Path(sys.executable).with_name("trueserve")
    code = subprocess.run([script, *arguments], check=False).returncode
    if code not in expected:
        raise SystemExit(f"trueserve {arguments[0]} ended with exit code {code}")


def check_claims(held_out: Verdict, july: Verdict, july_faulty: Verdict) -> dict[str, bool]:
    """What the three verdicts should say, and whether they do."""
    moved, faulty = blamed(july), blamed(july_faulty)
    return {
        "(a) a held-out part of January to June is ok": held_out["verdict"] == "ok",
        "(b) July as it was has no error on distance or carrier": not FAULTY & moved,
        "(c) July with two faults has errors on both, and on nothing else that (b) has not": (
            faulty >= FAULTY and faulty <= FAULTY | moved
        ),
        "(d) each fault is an incident of its own, with what it did to the predictions": (
            measured(july_faulty) >= FAULTY
        ),
    }


def measured(verdict: Verdict) -> set[str]:
    """The features of incidents of one feature whose effect on the predictions was measured."""
    with_effect = [incident for incident in verdict["incidents"] if (incident["harm"] or {}).get("text")]
    features = [{each["feature"] for each in incident["features"]} for incident in with_effect]
    return {name for names in features if len(names) == 1 for name in names}


def blamed(verdict: Verdict) -> set[str]:
    """The raw features that a verdict's errors are about, by themselves or by what is computed from them."""
    errors = [finding for finding in verdict["findings"] if finding["severity"] == "error"]
    return {name for error in errors for name in error["raw_features"] or [error["feature"]]}


def print_summary(folders: Folders, holds: dict[str, bool], seconds: float) -> int:
    """Shows which claims hold and where the reports lie; the exit code."""
    _say(f"Done in {seconds:.0f} s")
    for claim, held in holds.items():
        print(f"{'holds' if held else 'FAILS'}  {claim}")
    print(f"\nWhat moved in July is explained in {_shown(HERE / 'README.md')}.\nThe reports, for a browser:")
    for name in ("held_out", "july", "july_faulty"):
        print(f"  {folders.skew / name / 'report.html'}")
    print(f"The week of nights:\n  {folders.nights / 'index.html'}")
    return 0 if all(holds.values()) else 1


def _say(text: str) -> None:
    print(f"\n== {text}", flush=True)


def _shown(path: Path) -> str:
    """A path as a user in the current folder would type it."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    from trueserve.pipelines.process.stderr_filter import filtered

    with filtered():
        code = main()
    sys.exit(code)
