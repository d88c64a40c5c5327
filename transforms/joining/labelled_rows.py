"""What pairs of a label and a prediction add up to."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.performance import calibration_json
from trueserve.transforms.performance.bins import LabelBins, ScoreBins


@dataclasses.dataclass(frozen=True)
class LabelledRows:
    """What pairs of a label and a prediction add up to.

    Attributes:
      scores, labels: by the bins of the record.
      without_label: pairs whose label is missing, or several, or none that the model can predict.
      without_prediction: pairs whose request has no answer, or none of finite numbers.
    """

    scores: ScoreBins
    labels: LabelBins
    without_label: int
    without_prediction: int

    def plus(self, other: LabelledRows) -> LabelledRows:
        """Both together."""
        return LabelledRows(
            self.scores.plus(other.scores),
            self.labels.plus(other.labels),
            self.without_label + other.without_label,
            self.without_prediction + other.without_prediction,
        )

    def to_json(self) -> dict[str, Any]:
        """Lists and counts by name."""
        lists = {name: calibration_json.lists_of(getattr(self, name)) for name in ("scores", "labels")}
        without = {name: getattr(self, name) for name in ("without_label", "without_prediction")}
        return {**lists, **without}


def of_json(values: Mapping[str, Any]) -> LabelledRows:
    """Of `LabelledRows.to_json`."""
    scores = calibration_json.score_bins_of(values["scores"])
    labels = calibration_json.label_bins_of(values["labels"], scores)
    return LabelledRows(scores, labels, values["without_label"], values["without_prediction"])
