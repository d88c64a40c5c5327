"""What a baseline that was adopted does not have, by part, and in words what that means."""

from __future__ import annotations

from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.baseline.layout import TRANSFORMED_EXAMPLES
from trueserve.transforms.core.custom_stats import POINTS

#: Names of parts in `Contract.lacks`, of which others read what it means.
TRANSFORMED_STATISTICS, TRAINING_ROWS = "transformed_statistics", "training_rows"

_DISTRIBUTIONS = (
    "distributions of numbers are known at the twenty points of the given statistics, not at two hundred: a"
    " change between two points may be found later than with a baseline of trueserve prepare"
)
_NO_EXAMPLES = {
    TRAINING_ROWS: "no training row is known: probes are drawn from the statistics, each feature by itself",
    "sample": "slices by a feature are not compared: there are no training rows of the same slice",
    "identifiers": "numbers that name a row are not recognized: leave them out with --ignore",
    "variation": "differences between days and hours of training are not known, and may be reported as skew",
    TRANSFORMED_EXAMPLES: "export records predictions only on examples of --evaluation",
}
_NO_TRANSFORMED = (
    "transformed features are not compared: the baseline was adopted without examples, and has no statistics"
    " of them"
)


def of(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, *, examples: bool, transformed: bool
) -> dict[str, str]:
    """What a baseline lacks that has these statistics of the raw features.

    Args:
      examples: whether there are training examples.
      transformed: whether there are statistics of the transformed features, if there are no examples.
    """
    lacks = {} if examples else dict(_NO_EXAMPLES)
    if not examples and not transformed:
        lacks[TRANSFORMED_STATISTICS] = _NO_TRANSFORMED
    numbers = [f for each in statistics.datasets for f in each.features if f.HasField("num_stats")]
    if numbers and not any(custom.name == POINTS for f in numbers for custom in f.custom_stats):
        lacks["distributions"] = _DISTRIBUTIONS
    return lacks
