"""What new values of a text lead to expect of what a graph makes of them through a table.

A table of training's values (a vocabulary, the weights of tf-idf) has an entry for each of them. A new value
has something else, which training's own rows never show. As many values of new rows are new as came once in
training (Good 1953). So a distribution made through the table may differ by that share.
"""

from __future__ import annotations

import dataclasses

from trueserve.transforms.core.custom_stats import RAREST
from trueserve.transforms.verdict.evidence.categorical_tests import expected_new
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    UNSEEN_SHARE,
    VARIATION,
    FeatureDifference,
)
from trueserve.transforms.verdict.feature_stats import View

#: Of texts of which more values are new than this nothing could be compared any more.
MOST = 0.3


def share(view: View) -> float:
    """The share of values (0 to 1) that is new in new rows; 0 where that is not known, or nearly all are."""
    if view.kind != "category" or not view.values:
        return 0.0
    expected = expected_new(view) if view.most_unkept <= 0 else _once_beyond_list(view)
    return expected if expected <= MOST else 0.0


def share_by_key(view: View) -> float:
    """The share of values (0 to 1) that differ where something was fitted for each value of a text.

    Of n rows with the same value one tells nothing that the others do not: what was fitted on all n knew each
    of them already (leave one out). So it is as many rows as there are values.
    """
    if view.kind != "category" or not view.values:
        return 0.0
    return min(float(view.proto.string_stats.unique) / view.values, 1.0)


def without_new(difference: FeatureDifference, expected: float) -> FeatureDifference:
    """The difference that is left if as many values are new as is expected."""
    metrics = (KOLMOGOROV, VARIATION, UNSEEN_SHARE)
    if not expected or difference.metric not in metrics or difference.effect <= 0:
        return difference
    left = max(1 - expected / difference.effect, 0.0)
    return dataclasses.replace(
        difference, effect=left * difference.effect, p_value=difference.p_of_part(left)
    )


def _once_beyond_list(view: View) -> float:
    """Of a list of counts that is cut, by how many values came least often, if that is once."""
    for histogram in (each.rank_histogram for each in view.proto.custom_stats if each.name == RAREST):
        if histogram.buckets and histogram.buckets[0].sample_count == 1:
            return float(histogram.buckets[0].high_rank) / view.values
    return 0.0
