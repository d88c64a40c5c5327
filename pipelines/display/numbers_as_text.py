"""What `prepare` says of columns that are text because a few of their values are no numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tensorflow_metadata.proto.v0 import statistics_pb2

from trueserve.transforms.core.custom_stats import NAMED_FROM
from trueserve.transforms.logs.carriers.text_types import NUMBER_TEXT, is_number
from trueserve.transforms.verdict.wording import percent, plain

_LEAST_SHARE = 0.5
_MOST_NAMED = 3


def lines_of(
    statistics: statistics_pb2.DatasetFeatureStatisticsList, forms: Mapping[tuple[str, str], int]
) -> Iterator[str]:
    """A line for each feature of text of which half of the values or more are numbers.

    Values are named only if they came often: a rare one may be a person's.

    Args:
      forms: rows by (feature, form), of the reading that gave the statistics.
    """
    for feature in statistics.datasets[0].features if statistics.datasets else ():
        name, total = feature.path.step[0], feature.string_stats.common_stats.num_non_missing
        numbers = forms.get((name, NUMBER_TEXT), 0)
        if feature.HasField("string_stats") and _LEAST_SHARE * total <= numbers < total:
            share = f"{percent(numbers / total)} of {plain(name)} are numbers"
            yield f"{share}, {percent(1 - numbers / total)} are text{_advice(feature)}"


def _advice(feature: statistics_pb2.FeatureNameStatistics) -> str:
    buckets = feature.string_stats.rank_histogram.buckets
    frequent = [b.label for b in buckets if b.sample_count >= NAMED_FROM and not is_number(b.label)]
    named = [plain(text) for text in frequent[:_MOST_NAMED]]
    if not named:
        return " (say with --missing_values which texts mean a missing value)"
    usable = [text for text in named if "," not in text and text.strip() == text]
    flag = f"--missing_values={','.join(usable)}" if usable else "--missing_values"
    return f", such as {', '.join(map(repr, named))} (if they mean a missing value, say {flag})"
