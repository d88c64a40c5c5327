"""What a vocabulary that was cut on training's rows leads to expect of new rows: more words that it lacks.

A word is in the vocabulary because it came often enough in training. The words at the cut are there by luck:
had one of their rows not come, they would not be. So training's own rows have fewer unknown words than new
rows will have, by the share of the words at the cut: those that came least often, and, where others that came
as often are left out (a vocabulary of the k most frequent), those that came once more. It is the
leave-one-out estimate; where the cut is one row it is Good's of the unseen mass (1953).
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from trueserve.transforms.core.custom_stats import RAREST
from trueserve.transforms.verdict.feature_stats import View


def for_new_rows(training: View, serving: View | None, unknown: tuple[int, int]) -> View:
    """Training's ids of words, with as many unknown ones as new rows may have.

    How many of the words at the cut are lost is not known: between none and all. It is taken to be what lies
    nearest to serving's share.

    Args:
      unknown: the first and the last id of an unknown word.
    """
    if serving is None or not training.values or not serving.values:
        return training
    before, after = (_share(view, unknown) for view in (training, serving))
    at_cut = _at_cut(training, unknown)
    most = sum(at_cut.values()) if _keeps_all(training) else _at_cut_beyond_list(training)
    moved = min(max(after - before, 0.0) * training.values, most)
    if moved <= 0:
        return training
    counts: dict[str, Any] = dict(training.counts())
    if _keeps_all(training):
        counts |= {value: count * (1 - moved / most) for value, count in at_cut.items()}
    return training.with_counts(Counter(_with_unknown(counts, moved, unknown)))


def _keeps_all(view: View) -> bool:
    return bool(view.proto.string_stats.unique <= len(view.counts()))


def _at_cut(view: View, unknown: tuple[int, int]) -> dict[str, int]:
    """Ids of words that came least often, or once more, with their counts, of those that are kept."""
    ids = set(_ids(unknown, len(view.counts())))
    counts = {value: count for value, count in view.counts().items() if value not in ids}
    least = min(counts.values(), default=0)
    return {value: count for value, count in counts.items() if count <= least + 1}


def _at_cut_beyond_list(view: View) -> float:
    """How many values are of such words, where the list of counts is cut; 0 where that is not known."""
    histograms = [each.rank_histogram for each in view.proto.custom_stats if each.name == RAREST]
    return float(sum(b.sample_count * b.high_rank for histogram in histograms for b in histogram.buckets))


def _with_unknown(counts: dict[str, Any], more: float, unknown: tuple[int, int]) -> dict[str, Any]:
    ids = _ids(unknown, len(counts))
    return counts | {value: counts.get(value, 0.0) + more / len(ids) for value in ids}


def _ids(unknown: tuple[int, int], most: int) -> list[str]:
    """The ids of unknown words as statistics have them; of a range of any length no more than `most`."""
    return [str(number) for number in range(unknown[0], min(unknown[1], unknown[0] + most) + 1)]


def _share(view: View, unknown: tuple[int, int]) -> float:
    counts = view.counts()
    return sum(counts.get(value, 0.0) for value in _ids(unknown, len(counts))) / view.values
