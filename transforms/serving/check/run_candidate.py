"""Puts probes to a SavedModel and compares what it answers, in a process of its own.

`transforms.serving.sandboxed_main` runs it there. As in `transforms.serving.parity`, which has what counts as
the same, nothing is loaded that a serving system would not have.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.graph import op_libraries
from trueserve.transforms.serving import parity, tolerance
from trueserve.transforms.serving.check import differences
from trueserve.transforms.serving.check.signature import Signature, UnfitError
from trueserve.transforms.serving.tolerance import RaggedRows, Tolerance

TRANSFORM_FEATURES = "transform_features"
SERVING_DEFAULT = "serving_default"
RAW_TENSORS = "raw_tensors"

_EXAMPLES = 3
_LONGEST_LIST, _LONGEST_TEXT = 20, 200


@dataclasses.dataclass(frozen=True)
class Question:
    """What to look at; all paths are local.

    Attributes:
      model: the candidate's folder.
      probes: file of the baseline's probes.
      recorded: file of probes with the right predictions; None where there is none.
      reference: folder of a model whose predictions for the baseline's probes are right, if none is recorded.
      raw_features: for each transformed feature those it is computed from.
    """

    model: str
    probes: str
    recorded: str | None
    reference: str | None
    raw_features: Mapping[str, Sequence[str]]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What came of it.

    Attributes:
      probes, synthetic: how many there are in the baseline, and how many of them are made up.
      compared: signature to the number of probes whose answers were compared.
      findings: fields of `CheckFinding`, with `detail` in place of `message` and `severity`.
    """

    probes: int
    synthetic: int
    compared: Mapping[str, int]
    findings: Sequence[Mapping[str, Any]]


def examine(question: Question) -> Answer:
    """Loads the models and asks the candidate. Raises what TensorFlow raises for one that does not load."""
    candidate = dict(op_libraries.load(question.model).signatures)
    probes = parity.read_probes(question.probes)
    comparison = _CandidateComparison(candidate, question.raw_features)
    expected = parity.rows_of(probes, parity.TRANSFORMED)
    known = {*expected, *_columns_of(probes)}
    comparison.compare(
        _ProbeSet(TRANSFORM_FEATURES, range(len(probes)), probes, expected, tolerance.FEATURES, known)
    )
    rows, predicted = _predictions(question, probes)
    for name in (SERVING_DEFAULT, RAW_TENSORS) if predicted else ():
        comparison.compare(
            _ProbeSet(name, range(len(rows)), rows, predicted, tolerance.PREDICTIONS, {*predicted})
        )
    synthetic = sum(parity.SYNTHETIC in probe.features.feature for probe in probes)
    return Answer(len(probes), synthetic, comparison.compared, comparison.findings)


def _columns_of(probes: Sequence[Any]) -> set[str]:
    """The transformed features of the baseline, those that no probe has a value of too."""
    columns = [value for probe in probes[:1] for value in probe.features.feature["columns"].bytes_list.value]
    names = json.loads(columns[0]) if columns else []
    return {name.removeprefix(parity.TRANSFORMED) for name in names if name.startswith(parity.TRANSFORMED)}


def _predictions(question: Question, probes: list[Any]) -> tuple[list[Any], dict[str, RaggedRows]]:
    """Probes and the right predictions for them."""
    if question.recorded:
        rows = parity.read_probes(question.recorded)
        return rows, parity.rows_of(rows, parity.PREDICTION)
    if not question.reference:
        return probes, {}
    reference = Signature(dict(op_libraries.load(question.reference).signatures)[SERVING_DEFAULT])
    answers = reference.ask(probes, {})
    return [probes[i] for i in answers.rows], dict(answers.columns)


class _ProbeSet(NamedTuple):
    """Probes that were put to a signature, and what it must give: by name, and which names it may give.

    `numbers` are those of the probes in their file.
    """

    signature: str
    numbers: Sequence[int]
    probes: list[Any]
    expected: Mapping[str, RaggedRows]
    tolerance: Tolerance
    known: set[str]

    def subset(self, indices: Sequence[int], names: set[str]) -> _ProbeSet:
        """The same of some of the probes and outputs."""
        expected = {key: parity.take(rows, indices) for key, rows in self.expected.items() if key in names}
        probes, numbers = [self.probes[i] for i in indices], [self.numbers[i] for i in indices]
        return self._replace(probes=probes, numbers=numbers, expected=expected)


class _CandidateComparison:
    def __init__(self, signatures: Mapping[str, Any], raw_features: Mapping[str, Sequence[str]]) -> None:
        self.compared: dict[str, int] = {}
        self.findings: list[dict[str, Any]] = []
        self._signatures = signatures
        self._raw_features = raw_features

    def compare(self, probe_set: _ProbeSet) -> None:
        """Puts the probes to the signature, if the model has it, all at once and some one by one."""
        name, names = probe_set.signature, set(probe_set.expected)
        if name not in self._signatures:
            return
        signature = Signature(self._signatures[name])
        try:
            answers = signature.ask(probe_set.probes, probe_set.expected)
        except UnfitError as error:
            self._add("inputs", name, None, str(error))
            return
        # Rows without an output that both have show nothing.
        self.compared[name] = len(answers.rows) if names & {*answers.columns} else 0
        if answers.refused_rows:
            self._add_refusal(probe_set, answers.refused_rows, answers.complaint)
        if answers.rows:
            wrong = self._compare_each(probe_set.subset(answers.rows, names), answers.columns)
            self._compare_singly(signature, probe_set.subset(answers.rows[: parity.SINGLES], names - wrong))

    def _compare_singly(self, signature: Signature, probe_set: _ProbeSet) -> None:
        """What is right in a batch may be wrong alone: where the graph looks at the batch's other rows."""
        one_by_one = parity.joined(
            [signature.answer([probe], probe_set.expected) for probe in probe_set.probes]
        )
        got = {key: rows for key, rows in one_by_one.items() if key in probe_set.expected}
        self._compare_each(probe_set._replace(signature=f"{probe_set.signature}, one at a time"), got)

    def _compare_each(self, probe_set: _ProbeSet, got: Mapping[str, RaggedRows]) -> set[str]:
        """Adds a finding for each output that differs; gives their names."""
        before, count = len(self.findings), len(probe_set.probes)
        for name in sorted({*probe_set.expected, *got}):
            if name not in got:
                self._add("absent_output", probe_set.signature, name, "is not in the model", of=count)
            elif name not in probe_set.known:
                self._add("other_output", probe_set.signature, name, "is not in the baseline", of=count)
            else:
                nothing = RaggedRows(got[name].values[:0], np.zeros_like(got[name].lengths))
                self._compare_one(probe_set, name, probe_set.expected.get(name, nothing), got[name])
        return {finding["feature"] for finding in self.findings[before:]}

    def _compare_one(self, probe_set: _ProbeSet, name: str, expected: RaggedRows, got: RaggedRows) -> None:
        rows = differences.differing(expected, got, probe_set.tolerance)
        if not len(rows):
            return
        raw = self._raw_features.get(name.split("$", 1)[0])
        examples = [
            _example(
                probe_set.numbers[i],
                probe_set.probes[i],
                raw,
                differences.values(expected, i),
                differences.values(got, i),
            )
            for i in differences.most_telling(expected, got, rows, _EXAMPLES)
        ]
        kind = "other_type" if differences.of_other_type(expected, got) else "difference"
        count = {"differing": len(rows), "of": len(probe_set.probes)}
        detail = differences.describe(expected, got, rows)
        self._add(kind, probe_set.signature, name, detail, examples=examples, **count)

    def _add_refusal(self, probe_set: _ProbeSet, refused_rows: Sequence[int], complaint: str) -> None:
        examples = [
            _example(probe_set.numbers[i], probe_set.probes[i], None, None, None)
            for i in refused_rows[:_EXAMPLES]
        ]
        count = {"differing": len(refused_rows), "of": len(probe_set.probes)}
        self._add("fails", probe_set.signature, None, complaint, examples=examples, **count)

    def _add(self, kind: str, signature: str, feature: str | None, detail: str, **more: Any) -> None:
        finding = {"kind": kind, "signature": signature, "feature": feature, "detail": detail}
        self.findings.append({**finding, **more})


def _example(index: int, probe: Any, names: Sequence[str] | None, expected: Any, got: Any) -> dict[str, Any]:
    features = probe.features.feature
    present = [key.removeprefix(parity.RAW) for key in features if key.startswith(parity.RAW)]
    synthetic = features[parity.SYNTHETIC].bytes_list.value if parity.SYNTHETIC in features else []
    return {
        "probe": int(index),
        "synthetic": synthetic[0].decode() if synthetic else None,
        "raw": {
            name: _shown(parity.raw_values(probe, name)) if name in present else None
            for name in (sorted(present) if names is None else names)
        },
        "expected": _shown(expected),
        "got": _shown(got),
    }


def _shown(values: Any) -> list[Any] | None:
    """Values as JSON has them: no infinities, and text for bytes; long ones cut."""
    return None if values is None else [_plain(value) for value in list(values)[:_LONGEST_LIST]]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value[:_LONGEST_TEXT].decode("utf-8", "backslashreplace")
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def prepare() -> None:
    """Loads TensorFlow, while whoever started this does other work."""
    parity.prepare()


def answer(line: str) -> dict[str, Any]:
    """The fields of `Answer` to the fields of a `Question` as JSON."""
    return dataclasses.asdict(examine(Question(**json.loads(line))))
