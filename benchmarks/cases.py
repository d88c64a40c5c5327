"""What is measured: every contender on every kind of data, in which sizes; and the command for each."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks.data import REFERENCE, ROOT, file_of, reference_of
from benchmarks.measure import Command

MILLION = 1_000_000
_HERE = Path(__file__).resolve().parent
_COMMAND = "from trueserve.pipelines.cli import entry_point; entry_point()"
# All that the command imports before it looks at its input; it ends as the command does.
_IMPORTS = (
    "import os, trueserve.pipelines.cli, trueserve.pipelines.display.console;"
    " trueserve.pipelines.cli._import_command('validate'); os._exit(0)"
)
# What a process imports besides that runs the transform graph.
_GRAPH_IMPORTS = _IMPORTS.replace(
    "os._exit", "trueserve.pipelines.cli.import_once('trueserve.transforms.graph.transform_graph'); os._exit"
)


class Case(NamedTuple):
    """A contender, the kind of its data (see `benchmarks.data`) and how many rows."""

    contender: str
    kind: str
    rows: int


RAW, ALL, IMPORTS, COLD, WARM = "raw", "all", "imports", "cold", "warm"
GRAPH_IMPORTS = "graph imports"
PREPARE, TRANSFORM = "prepare", "transform"
TFDV, HANDWRITTEN, LIMIT, WHYLOGS, EVIDENTLY = "tfdv", "handwritten", "limit", "whylogs", "evidently"
OURS = (RAW, ALL, COLD, WARM)
PEERS = (WHYLOGS, EVIDENTLY)

NAMES = {
    RAW: "trueserve validate --spaces=raw",
    ALL: "trueserve validate (raw, transformed, compared, published)",
    IMPORTS: "the imports of trueserve validate",
    GRAPH_IMPORTS: "the same, and those of the transform graph",
    COLD: "trueserve validate --spaces=raw, nothing compiled yet",
    WARM: "the same once more",
    PREPARE: "trueserve prepare",
    TRANSFORM: "plain tf.Transform: the same analysis, graph and examples, no statistics",
    TFDV: "tfdv.generate_statistics_from_tfrecord",
    HANDWRITTEN: "hand-written: ReadFromTFRecord, ParseFromString, tfxio, tfdv.GenerateStatistics",
    LIMIT: "limit: TFRecordDataset.batch, tf.io.parse_example, nothing else",
    WHYLOGS: "whylogs: profile (from Parquet)",
    EVIDENTLY: "Evidently: drift report (from Parquet)",
}
KINDS = {
    "narrow": "tf.Examples of 15 floats and 5 strings",
    "table": "the same rows as Parquet",
    "logs16": "PredictionLogs, 16 serialized examples a request",
    "logs1": "PredictionLogs, one serialized example a request",
    "flights": "tf.Examples of New York's flights of 2013, over and over",
    "wide": "tf.Examples of 4,000 floats",
    "distinct": "tf.Examples of one feature with 100,000 strings a row, no two alike",
}


def _each(kind: str, sizes: tuple[int, ...], *contenders: str) -> list[Case]:
    return [Case(contender, kind, rows) for rows in sizes for contender in contenders]


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to run.

    Attributes:
      cases: run in rounds, one after the other, until each has its runs.
      once: run once, after the others, each kind and size written before and deleted after.
      most_runs: of each case.
      seconds: a case that has taken this long is not run again.
    """

    cases: tuple[Case, ...]
    once: tuple[Case, ...]
    most_runs: int
    seconds: float


_SIZES = (MILLION // 5, 2 * MILLION)
FULL = Plan(
    cases=(
        *_each("flights", (0,), IMPORTS, GRAPH_IMPORTS),
        *_each("narrow", _SIZES, RAW, TFDV, LIMIT),
        *_each("logs16", _SIZES, RAW, HANDWRITTEN),
        *_each("logs1", _SIZES, RAW, HANDWRITTEN),
        *_each("flights", (1000, *_SIZES), RAW, ALL),
        *_each("narrow", _SIZES, PREPARE, TRANSFORM),
        *_each("wide", (3000,), RAW, TFDV),
        Case(RAW, "wide", 30_000),
        Case(RAW, "distinct", 500),
        *_each("table", _SIZES[:1], *PEERS),
        *_each("narrow", (1000,), COLD, WARM),
    ),
    once=tuple(_each("narrow", (20 * MILLION,), RAW, LIMIT)),
    most_runs=3,
    seconds=70,
)
QUICK = Plan(
    cases=(
        *_each("flights", (0,), IMPORTS, GRAPH_IMPORTS),
        *_each("narrow", _SIZES, RAW, LIMIT),
        *_each("narrow", (MILLION // 10, MILLION // 2), TFDV),
        *_each("logs16", _SIZES, RAW),
        *_each("logs16", (MILLION // 20, MILLION // 4), HANDWRITTEN),
        *_each("flights", (1000, *_SIZES), RAW, ALL),
        Case(RAW, "wide", 3000),
    ),
    once=(),
    most_runs=3,
    seconds=35,
)


def needs(case: Case) -> list[str]:
    """The data of a case, as `benchmarks/data.py` is asked for it."""
    references = {RAW, ALL, COLD, WARM} & {case.contender}
    data = [f"{case.kind}:{case.rows}"] if case.rows else []
    kind = "narrow" if case.kind.startswith("logs") else case.kind
    return [*data, *([f"{kind}:{REFERENCE}"] if references else [])]


class Commands:
    """Makes the command of a case; everything it writes goes below `work`."""

    def __init__(self, data: Path, work: Path, peers: Path | None) -> None:
        self._data, self._work, self._peers = data, work, peers

    def of(self, case: Case) -> Command:
        """The command of a case."""
        if case.contender in (IMPORTS, GRAPH_IMPORTS):
            code = _IMPORTS if case.contender == IMPORTS else _GRAPH_IMPORTS
            return Command([sys.executable, "-c", code], ROOT)
        if case.contender in OURS:
            return self._validate(case)
        if case.contender == PREPARE:
            return self._prepare(case)
        script, python = "contenders.py", sys.executable
        if case.contender in PEERS:
            script, python = "peers.py", str(self._peers)
        file = file_of(self._data, case.kind, case.rows)
        argv = [python, str(_HERE / script), case.contender, str(file)]
        return Command(argv, self._work, rows_of=_last_number)

    def _validate(self, case: Case) -> Command:
        output, folder = self._work / "skew", ROOT
        environment: dict[str, str] = {}
        shutil.rmtree(output, ignore_errors=True)
        if case.contender in (COLD, WARM):
            folder, environment = self._copied_checkout(case.contender == COLD)
        flags = [
            f"--logs={file_of(self._data, case.kind, case.rows)}",
            f"--output={output}",
            *_training_side(reference_of(self._data, case.kind), case),
        ]
        argv = [sys.executable, "-c", _COMMAND, "validate", *flags]
        # 500 rows are too few to judge them, and enough to see what many values cost.
        codes = (0, 1, 4) if case.kind == "distinct" else (0, 1)
        return Command(argv, folder, environment, _compared(output / "verdict.json"), codes=codes)

    def _prepare(self, case: Case) -> Command:
        baseline = self._work / "baseline"
        shutil.rmtree(baseline, ignore_errors=True)
        flags = [
            f"--examples={file_of(self._data, case.kind, case.rows)}",
            f"--preprocessing={_HERE / 'preprocessing.py'}",
            f"--baseline={baseline}",
        ]
        argv = [sys.executable, "-c", _COMMAND, "prepare", *flags]
        return Command(argv, ROOT, rows_of=_num_examples(baseline / "contract.json"))

    def _copied_checkout(self, fresh: bool) -> tuple[Path, dict[str, str]]:
        """Our sources without machine code beside them, and the environment that keeps it apart."""
        copy, code = self._work / "checkout", self._work / "code"
        if fresh:
            shutil.rmtree(copy, ignore_errors=True)
            shutil.rmtree(code, ignore_errors=True)
            for name in ("pipelines", "transforms", "trueserve"):
                shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
        return copy, {"NUMBA_CACHE_DIR": str(code)}


def _training_side(reference: Path, case: Case) -> list[str]:
    if case.kind == "flights":
        spaces = "raw" if case.contender == RAW else "raw,transformed"
        return [f"--baseline={reference}", f"--spaces={spaces}"]
    return [
        f"--schema={reference / 'schema.pbtxt'}",
        f"--statistics={reference / 'stats.binpb'}",
        "--spaces=raw",
    ]


def _compared(verdict: Path) -> Callable[[str], int]:
    return lambda _: int(json.loads(verdict.read_text(encoding="utf-8"))["counts"]["compared"])


def _num_examples(contract: Path) -> Callable[[str], int]:
    return lambda _: int(json.loads(contract.read_text(encoding="utf-8"))["num_examples"])


def _last_number(out: str) -> int:
    return int(out.rsplit(maxsplit=1)[-1])
