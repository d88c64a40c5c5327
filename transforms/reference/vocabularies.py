"""Which text an id of a vocabulary stands for, read off the baseline's probes.

A vocabulary's file says it too, but not which output looks texts up in it, nor what the preprocessing did to
them before. The probes are rows with what the graph made of them; frequent texts are among these.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from trueserve.transforms.baseline.layout import PROBES
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.baseline.probes import parse_probes
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.verdict.feature_stats import View, views_by_feature


def of_baseline(baseline: Baseline) -> dict[str, dict[str, str]]:
    """By output the text of each id, as far as the probes tell; empty where nothing is looked up.

    Without probes, ids are shown as they are: names alone are no reason to fail.
    """
    if not baseline.contract.looked_up:
        return {}
    try:
        raw, outputs = parse_probes(baseline.contents.read(PROBES), baseline.probes)
    except TrueserveError:
        return {}
    contract = baseline.contract
    return texts_of_ids(
        raw, outputs, contract.looked_up, contract.unknown_ids, views_by_feature(baseline.statistics)
    )


def texts_of_ids(
    raw: pa.RecordBatch,
    outputs: pa.RecordBatch,
    looked_up: Mapping[str, tuple[str, ...]],
    unknown_ids: Mapping[str, tuple[int, int]],
    training: Mapping[str, View],
) -> dict[str, dict[str, str]]:
    """The text of each id of the outputs that look up a single raw feature.

    Args:
      raw, outputs: the same rows before the graph and after it, columns of lists.
      unknown_ids: the first and the last id of unknown texts; these have no text of their own.
      training: the raw features' statistics. Of several texts with one id the most frequent is its text; one
        that training does not count is none, as probes have texts that were made up.
    """
    vocabularies = {}
    for name, features in looked_up.items():
        view = training.get(features[0]) if len(features) == 1 else None
        if view is not None and features[0] in raw.schema.names and name in outputs.schema.names:
            first, last = unknown_ids.get(name, (0, -1))
            pairs = _pairs(raw[features[0]], outputs[name])
            known = {(text, number) for text, number in pairs if not first <= number <= last}
            vocabularies[name] = _most_frequent(known, view.counts())
    return {name: texts for name, texts in vocabularies.items() if texts}


def _most_frequent(pairs: set[tuple[str, int]], counts: Mapping[str, float]) -> dict[str, str]:
    texts: dict[int, list[str]] = defaultdict(list)
    for text, number in pairs:
        if counts.get(text):
            texts[number].append(text)
    return {
        str(number): max(texts[number], key=lambda text: (counts[text], text)) for number in sorted(texts)
    }


def _pairs(raw: pa.Array, output: pa.Array) -> Iterator[tuple[str, int]]:
    """A text and its id, of rows that have one of each."""
    for before, after in zip(raw.to_pylist(), output.to_pylist(), strict=True):
        if not (before and after and len(before) == len(after) == 1):
            continue
        if isinstance(before[0], bytes) and isinstance(after[0], int):
            yield before[0].decode("utf-8", "replace"), after[0]
