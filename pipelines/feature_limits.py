"""What narrows a comparison: the limits of `thresholds.toml`, and the features that `--only` names."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Iterable, Sequence

from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import Baseline, check_names
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths
from trueserve.transforms.reference import training_side
from trueserve.transforms.verdict import thresholds
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.reference import Reference
from trueserve.transforms.verdict.thresholds import Thresholds
from trueserve.transforms.verdict.wording import plain


def load_thresholds(file: str | None, baseline: Baseline | None) -> Thresholds:
    """The limits that `file` holds, else those that lie in the baseline's folder; none without either.

    Raises:
      UsageError: the file is missing, or holds something else; or that of the baseline names a feature that
        the baseline does not have.
    """
    baseline_file = None if baseline is None else paths.join(baseline.path, layout.THRESHOLDS)
    if file is None and (baseline_file is None or not paths.exists(baseline_file)):
        return Thresholds()
    path = file or baseline_file or ""
    try:
        limits = thresholds.parse(paths.read_bytes(path), path)
    except InputError as error:
        raise UsageError(str(error)) from error
    if file is None and baseline is not None:
        _check_sections(limits, baseline, path)
    return limits


def _check_sections(limits: Thresholds, baseline: Baseline, path: str) -> None:
    """The sections must be of the baseline's features; those of predictions are a model's."""
    spaces = (Space.RAW.value, Space.TRANSFORMED.value)
    for reference in training_side.of_baseline(baseline, spaces):
        names = [*_names(dataclasses.replace(reference, raw_features={})), *reference.raw_features]
        names += baseline.contract.raw_features if reference.space is Space.RAW else ()
        check_names([name for space, name in limits.features if space is reference.space], names, path)


def check_only(names: Sequence[str], references: Iterable[Reference]) -> frozenset[str]:
    """The names that `--only` gives.

    Raises:
      UsageError: a name is neither a compared feature, nor one that such a feature is computed from.
    """
    known_names = {name for reference in references for name in _names(reference)}
    for name in names:
        if name not in known_names:
            similar = difflib.get_close_matches(name, sorted(known_names), n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(similar)}?" if similar else ""
            raise UsageError(f"--only: no compared feature has the name {plain(name)}{hint}")
    return frozenset(names)


def _names(reference: Reference) -> Iterable[str]:
    yield from (feature.name for feature in reference.schema.feature)
    for dataset in reference.statistics.datasets:
        for feature in dataset.features:
            yield feature.name or ".".join(feature.path.step)
    for raw in reference.raw_features.values():
        yield from raw
