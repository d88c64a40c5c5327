"""Findings and what could not be compared: the plain values that a verdict is made of."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Callable, Iterable
from typing import Any

#: Reasons for which nothing of a feature is compared, whatever is served.
UNKNOWN = frozenset({"not in the schema", "not in --only", "label", "computed from the label"})


class Severity(enum.StrEnum):
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class Space(enum.StrEnum):
    """Where a feature lives: as logged, as the model sees it, as the model answers, or the whole set."""

    RAW = "raw"
    TRANSFORMED = "transformed"
    PREDICTION = "prediction"
    SET = "set"


class FindingKind(enum.StrEnum):
    SCHEMA = "schema"  # an anomaly against the schema that is none of the kinds below
    TYPE = "type"  # another type or shape than in training
    PRESENCE = "presence"  # a required feature is missing, in part or wholly
    VALUES = "values"  # values or columns that training did not have
    REPRESENTATION = "representation"  # values came in a form that is foreign to the schema
    DISTRIBUTION = "distribution"  # a distance between the two distributions
    DEPENDENCE = "dependence"  # features that no longer go together as in training
    DRIFT = "drift"  # a difference from an earlier window, apart from training
    REPLAY = "replay"  # logged answers that are not the reference model's
    PERFORMANCE = "performance"  # the estimated performance is beyond a limit
    CONTRACT = "contract"  # who answered, against what the baseline promises
    INPUT = "input"  # why the run failed or examined nothing; about the whole set


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """What was done to a feature.

    Attributes:
      confidence: 0 to 1.
      evidence: what says so, in words.
      share: the part of the rows or values that it was done to, 0 to 1; None where that is not known.
    """

    cause: str
    confidence: float
    evidence: str
    share: float | None = None


@dataclasses.dataclass(frozen=True)
class ShareChange:
    """What moved: a range of numbers or a category, and its shares (0 to 1) of training and of serving."""

    label: str
    training: float
    serving: float


@dataclasses.dataclass(frozen=True)
class SeasonalVariation:
    """What training's own periods say of a difference.

    Attributes:
      unit, length: the window is as long as so many `day`s or `hour`s.
      distance: how far the window lies out, measured as the periods are.
      median, most: how far training's periods lie out: half of them so far at most, and the furthest.
      p_value: how likely how periods differ, and chance, make the difference together.
      matched: how many periods of training match the window in hour, weekday and season; 0 where it is held
        against all. Else `distance` is from these, and `median` and `most` from each period's own.
    """

    unit: str
    length: int
    distance: float
    median: float
    most: float
    p_value: float
    matched: int = 0


@dataclasses.dataclass(frozen=True)
class FindingEvidence:
    """Both conditions of a finding, with the figures that they rest on.

    Attributes:
      beyond_chance: whether `p_value` is at most `p_limit`.
      large_enough: whether `effect` is at least `least_effect`.
      metric: what was measured, see `feature_difference`; the finding's own may be a distance of TFDV's.
      effect, least_effect: how far apart, and from where on that matters: shares, 0 to 1.
      p_value: what was held against the limit: chance's, and nature's where that is known.
      p_by_chance: how likely chance alone makes the difference.
      p_limit: the greatest p-value that counted, of all of this comparison; 0 where none did.
      effective_rows: rows of one sample that were as uncertain as the difference of both.
      parts: what moved most, that first.
      seasonal: None where it is not known how training's periods differ, or was not asked.
    """

    beyond_chance: bool
    large_enough: bool
    metric: str
    effect: float
    least_effect: float
    p_value: float
    p_by_chance: float
    p_limit: float
    effective_rows: int
    parts: tuple[ShareChange, ...] = ()
    seasonal: SeasonalVariation | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values; the published documents call `seasonal` natural."""
        values = dataclasses.asdict(self)
        seasonal = values.pop("seasonal")
        return {**values, "parts": list(values["parts"]), "natural": seasonal}


@dataclasses.dataclass(frozen=True)
class Finding:
    """One feature (or the whole set) and one kind of trouble.

    Attributes:
      feature: dotted path of the feature, empty for a finding about the whole set.
      metric: name of the distance or of TFDV's anomaly type, e.g. `jensen_shannon_divergence`,
        `l_infinity_norm`, `ENUM_TYPE_UNEXPECTED_STRING_VALUES`.
      distance, threshold, noise_floor: unit-free, None where the kind has none.
      p_value: how likely chance alone makes the difference, None where that was not asked.
      raw_features: for a transformed feature, the raw features it is computed from.
      evidence: what the decision rests on; None for findings that do not rest on a test.
      incident: the id of the incident that it is a part of; None for what belongs to none.
      message: one sentence for a person.
    """

    feature: str
    space: Space
    kind: FindingKind
    severity: Severity
    metric: str
    message: str
    distance: float | None = None
    threshold: float | None = None
    noise_floor: float | None = None
    p_value: float | None = None
    slice: str | None = None
    diagnosis: Diagnosis | None = None
    raw_features: tuple[str, ...] = ()
    evidence: FindingEvidence | None = None
    incident: str | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON values; a distance that is no number, or infinite, is null."""
        # Field by field: `asdict` copies each value deeply, which is a third of a page of 2,000 features.
        values = {**vars(self), "raw_features": list(self.raw_features)}
        if self.diagnosis is not None:
            values["diagnosis"] = dataclasses.asdict(self.diagnosis)
        if self.evidence is not None:
            values["evidence"] = self.evidence.to_json()
        return _finite(values)


@dataclasses.dataclass(frozen=True)
class NotCompared:
    """A feature that could not be compared, and why."""

    feature: str
    space: Space
    reason: str

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class FeatureNumbers:
    """What was measured of a feature that was compared, whether or not it is a finding.

    Attributes:
      rows: of serving, as they were compared.
      missing_share, training_missing_share: rows without a value, 0 to 1; None of fields in lists.
      unseen_share: the share of values that training did not have, beyond what it predicts; None of numbers.
      psi: the population stability index, over training's deciles or its categories; None of features without
        an error or a warning, and without values.
      metric, effect, least_effect, p_value: of the test of its values that is most over its limit; None where
        none was made.
    """

    feature: str
    space: Space
    rows: int
    missing_share: float | None
    training_missing_share: float | None
    unseen_share: float | None = None
    psi: float | None = None
    metric: str | None = None
    effect: float | None = None
    least_effect: float | None = None
    p_value: float | None = None

    def to_json(self) -> dict[str, Any]:
        return _finite(vars(self))


@dataclasses.dataclass(frozen=True)
class Slice:
    """A part of the rows, compared on its own: its name, such as `version=2`, and what was found in it.

    `is_compared` is false where training has too few rows of such a part to compare it with.
    """

    name: str
    rows: int
    findings: tuple[Finding, ...] = ()
    is_compared: bool = True


@dataclasses.dataclass(frozen=True)
class ComparisonResult:
    """All that comparing one space found.

    Attributes:
      findings: worst first.
      distances: every distance that was measured, the passing ones too, for the page.
      anomalies: TFDV's Anomalies message of both calls as text, to be published; empty without rows.
      space: what was compared.
      least_visible: the least part of the rows (0 to 1) whose change could have been seen, nine times of ten;
        None where nothing was tested.
      nothing: why nothing was compared that was asked for; empty where something was, or nothing was wanted.
      without_power: those of `not_compared` that could not have shown a change.
      measured: gives `numbers`, which of slices and of past windows nobody asks for.
    """

    findings: tuple[Finding, ...]
    not_compared: tuple[NotCompared, ...]
    distances: tuple[Finding, ...] = ()
    anomalies: str = ""
    space: Space = Space.RAW
    least_visible: float | None = None
    nothing: str = ""
    without_power: frozenset[str] = frozenset()
    measured: Callable[[], Iterable[FeatureNumbers]] = dataclasses.field(
        default=tuple, compare=False, repr=False
    )

    @property
    def numbers(self) -> tuple[FeatureNumbers, ...]:
        """What was measured of each feature that was looked at."""
        return tuple(self.measured())

    @property
    def examined(self) -> tuple[Finding, ...]:
        """What shows that a feature was looked at: distances, and findings of features that training has."""
        known = {distance.feature for distance in self.distances}
        known |= {left_out.feature for left_out in self.not_compared if left_out.reason not in UNKNOWN}
        return (
            *self.distances,
            *(finding for finding in self.findings if finding.feature and finding.feature in known),
        )


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    """The values as JSON has them. JSON knows neither NaN nor infinity: such a distance is null."""
    return {
        key: _finite(value)
        if isinstance(value, dict)
        else None
        if isinstance(value, float) and not math.isfinite(value)
        else value
        for key, value in values.items()
    }
