"""What a vocabulary that was cut on training's rows leads to expect of new rows: more words that it lacks.

A word is in the vocabulary because it came often enough in training. The words at the cut are there by luck:
had one of their rows not come, they would not be. So training's own rows have fewer unknown words than new
rows will have, by the share of the words at the cut: those that came least often, and, where others that came
as often are left out (a vocabulary of the k most frequent), those that came once more. It is the
leave-one-out estimate; where the cut is one row it is Good's of the unseen mass (1953).
"""

from __future__ import annotations

import math
from collections import Counter
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
    most = _at_cut(*(_rarest(list(of_words.values())) if _keeps_all(training) else _beyond_list(training)))
    moved = min(max(after - before, 0.0) * training.values, most)
    if moved <= 0:
        return training
    counts: dict[str, Any] = dict(training.counts())
    if _keeps_all(training):
        least = min(of_words.values())
        at_cut = {value: count for value, count in of_words.items() if count <= least + 1}
        left = max(1 - moved / sum(at_cut.values()), 0.0)
        counts |= {value: count * left for value, count in at_cut.items()}
    return training.with_counts(Counter(_with_unknown(counts, moved, unknown)))


def _at_cut(rarest: tuple[float, float], next_rarest: tuple[float, float], up_to_twice: float) -> float:
    """How many values are of words at the cut, of (count, words) pairs.

    Where the rarest words came often (five airlines), no cut is there, or few lie at it: the tail of a
    distribution has about as many words at a count as its words up to twice as often, by that count.
    """
    if up_to_twice < _LEAST_TAIL:
        return 0.0
    return min(math.prod(rarest) + math.prod(next_rarest), _OF_TAIL * up_to_twice)


def _keeps_all(view: View) -> bool:
    return bool(view.proto.string_stats.unique <= len(view.counts()))


def _counts_of_words(view: View, unknown: tuple[int, int]) -> dict[str, int]:
    """Counts of the ids of words, without those of unknown ones."""
    ids = set(_ids(unknown, len(view.counts())))
    return {value: count for value, count in view.counts().items() if value not in ids}


def _rarest(counts: list[int]) -> tuple[tuple[float, float], tuple[float, float], float]:
    least = min(counts, default=0)
    once_more = (least + 1, counts.count(least + 1))
    return (least, counts.count(least)), once_more, sum(count <= 2 * least for count in counts)


def _beyond_list(view: View) -> tuple[tuple[float, float], tuple[float, float], float]:
    """The same of a list of counts that is cut, as statistics tell it; zeros where they do not."""
    for histogram in (each.rank_histogram for each in view.proto.custom_stats if each.name == RAREST):
        if len(histogram.buckets) == 3:
            first, second, third = ((bucket.sample_count, bucket.high_rank) for bucket in histogram.buckets)
            return first, second, third[1]
    return (0.0, 0.0), (0.0, 0.0), 0.0


def _with_unknown(counts: dict[str, Any], more: float, unknown: tuple[int, int]) -> dict[str, Any]:
    ids = _ids(unknown, len(counts))
    return counts | {value: counts.get(value, 0.0) + more / len(ids) for value in ids}


def _ids(unknown: tuple[int, int], most: int) -> list[str]:
    """The ids of unknown words as statistics have them; of a range of any length no more than `most`."""
    return [str(number) for number in range(unknown[0], min(unknown[1], unknown[0] + most) + 1)]


def _share(view: View, unknown: tuple[int, int]) -> float:
    counts = view.counts()
    return sum(counts.get(value, 0.0) for value in _ids(unknown, len(counts))) / view.values
