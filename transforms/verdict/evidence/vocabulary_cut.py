"""What a vocabulary that was cut on training's rows leads to expect of new rows: more words that it lacks.

A word is in the vocabulary because it came often enough in training. The words at the cut are there by luck:
had one of their rows not come, they would not be. So training's own rows have fewer unknown words than new
rows will have, by the share of the words at the cut: those that came least often, and, where others that came
as often are left out (a vocabulary of the k most frequent), those that came once more. It is the
leave-one-out estimate; where the cut is one row it is Good's of the unseen mass (1953).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Collection, Mapping
from typing import Any

from trueserve.transforms.core.custom_stats import RAREST
from trueserve.transforms.verdict.feature_stats import View

# So many times what a tail has at a count is taken to be at most there: it is estimated from few.
_OF_TAIL = 5
# Fewer words are no tail.
_LEAST_TAIL = 10


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
    of_words = _counts_of_words(training, unknown)
    rows_each = max(training.design_effect, 1.0)
    rarest = _rarest(of_words.values(), rows_each) if _keeps_all(training) else _beyond_list(training)
    most = _at_cut(*rarest, rows_each)
    moved = min(max(after - before, 0.0) * training.values, most)
    if moved <= 0:
        return training
    end = _least(training, of_words) + 2 * rows_each
    at_cut = {value: count for value, count in of_words.items() if count < end}
    # Of words that the list does not keep as much is lost.
    beyond = max(training.total - sum(training.counts().values()), 0.0)
    left = max(1 - moved / max(sum(at_cut.values()) + beyond, moved), 0.0)
    counts: dict[str, Any] = {**training.counts(), **{value: count * left for value, count in at_cut.items()}}
    return training.with_counts(Counter(_with_unknown(counts, moved, unknown)))


def _at_cut(least: float, second: float, up_to_twice: float, rows_each: float) -> float:
    """How many values are of words at the cut: of the rarest, and of those that came once more.

    Where the rarest words came often (five airlines), no cut is there, or few lie at it: the tail of a
    distribution has about as many words at a count as its words up to twice as often, by that count.
    """
    if up_to_twice < _LEAST_TAIL:
        return 0.0
    return min(least + second, _OF_TAIL * up_to_twice * rows_each)


def _least(view: View, of_words: Mapping[str, int]) -> float:
    """How often the rarest word came."""
    if _keeps_all(view):
        return float(min(of_words.values(), default=0))
    histograms = (each.rank_histogram for each in view.proto.custom_stats if each.name == RAREST)
    return next((histogram.buckets[0].sample_count for histogram in histograms if histogram.buckets), 0.0)


def _keeps_all(view: View) -> bool:
    return bool(view.proto.string_stats.unique <= len(view.counts()))


def _counts_of_words(view: View, unknown: tuple[int, int]) -> dict[str, int]:
    """Counts of the ids of words, without those of unknown ones."""
    ids = set(_ids(unknown, len(view.counts())))
    return {value: count for value, count in view.counts().items() if value not in ids}


def _rarest(counts: Collection[int], rows_each: float) -> tuple[float, float, float]:
    """Values of the rarest words, of those that came once more, and the words up to twice as frequent.

    Where rows belong together a word comes `rows_each` times at once: so words are as rare as that many tell.
    """
    least = min(counts, default=0)
    bounds = (least, least + rows_each, least + 2 * rows_each)
    first, second = (sum(c for c in counts if low <= c < high) for low, high in itertools.pairwise(bounds))
    return first, second, sum(count <= max(2 * least, bounds[1]) for count in counts)


def _beyond_list(view: View) -> tuple[float, float, float]:
    """The same of a list of counts that is cut, as statistics tell it; zeros where they do not."""
    for histogram in (each.rank_histogram for each in view.proto.custom_stats if each.name == RAREST):
        if len(histogram.buckets) == 3:
            first, second, third = ((bucket.sample_count, bucket.high_rank) for bucket in histogram.buckets)
            return math.prod(first), math.prod(second), third[1]
    return 0.0, 0.0, 0.0


def _with_unknown(counts: dict[str, Any], more: float, unknown: tuple[int, int]) -> dict[str, Any]:
    ids = _ids(unknown, len(counts))
    return counts | {value: counts.get(value, 0.0) + more / len(ids) for value in ids}


def _ids(unknown: tuple[int, int], most: int) -> list[str]:
    """The ids of unknown words as statistics have them; of a range of any length no more than `most`."""
    return [str(number) for number in range(unknown[0], min(unknown[1], unknown[0] + most) + 1)]


def _share(view: View, unknown: tuple[int, int]) -> float:
    counts = view.counts()
    return sum(counts.get(value, 0.0) for value in _ids(unknown, len(counts))) / view.values
