"""An incident: one cause, and all findings that follow from it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
from collections.abc import Mapping
from typing import Any, NamedTuple

from trueserve.transforms.verdict.model import Severity, Space
from trueserve.transforms.verdict.wording import iso


class IncidentKind(enum.StrEnum):
    """What is known of the cause."""

    PIPELINE = "pipeline"  # what was done to raw features, or which rows lack them
    PREPROCESSING = "preprocessing"  # raw features agree with training, what is computed from them does not
    MODEL = "model"  # who answered, or what: another contract, other answers than the reference model's
    PREDICTIONS = "predictions"  # the model's answers alone are distributed otherwise
    VALUES = "values"  # values or columns that training did not have
    POPULATION = "population"  # features that moved, of no cause that is known
    SEASON = "season"  # a season that training does not have
    DRIFT = "drift"  # a difference from earlier windows alone
    OTHER = "other"  # about the rows or the schema


#: Kinds whose cause is a fault of the pipeline: they come first.
FAULTS = frozenset({IncidentKind.PIPELINE, IncidentKind.PREPROCESSING, IncidentKind.MODEL})


class IncidentState(enum.StrEnum):
    """An incident in this window, beside the last window before it that was examined."""

    NEW = "new"
    ONGOING = "ongoing"
    WORSE = "worse"
    BETTER = "better"
    RESOLVED = "resolved"  # it was in the last window, and is not in this one
    NOT_COMPARED = "not_compared"  # it was in the last window; this one could not show whether it lasts


#: States of incidents that are in this window.
PRESENT = frozenset({IncidentState.NEW, IncidentState.ONGOING, IncidentState.WORSE, IncidentState.BETTER})


class FeatureOfSpace(NamedTuple):
    space: Space
    feature: str


@dataclasses.dataclass(frozen=True)
class Acknowledgement:
    """Somebody knows of an incident, and accepts it for a time.

    Attributes:
      until: the first day, UTC, on which it counts again.
      metric, effect, severity: the incident's when it was first accepted; None where no test measured it.
      is_valid: whether it still holds: neither the day has come, nor has the incident got worse.
    """

    until: dt.date
    note: str
    metric: str | None
    effect: float | None
    severity: Severity
    is_valid: bool

    def to_json(self) -> dict[str, Any]:
        return {**dataclasses.asdict(self), "until": self.until.isoformat()}


@dataclasses.dataclass(frozen=True)
class Incident:
    """One cause, in one window.

    Attributes:
      id: the same in each window that the incident lasts.
      key: what tells this cause from others of the kind; compared between windows.
      title: a sentence.
      first_start: the start of the first window that has it; None where that window has no start.
      features: those that the cause moved, the most moved first; none where it is about the whole set.
      share: the part of the rows that are affected, 0 to 1; None where that is not known.
      metric, effect, least_effect: of the finding that is most over its limit; None if no test measured it.
      effective_rows: rows that were as uncertain as the effect; None likewise.
      sliced_by: the fields of the slices that alone have it, such as `version`; else empty.
      harm: what it did to the predictions; None where that was not measured.
      findings: how many of this verdict's findings are of it, infos too; 0 where it is not in this window.
    """

    id: str
    kind: IncidentKind
    key: str
    title: str
    severity: Severity
    what_to_do: str
    features: tuple[FeatureOfSpace, ...] = ()
    share: float | None = None
    metric: str | None = None
    effect: float | None = None
    least_effect: float | None = None
    effective_rows: int | None = None
    state: IncidentState = IncidentState.NEW
    first_start: dt.datetime | None = None
    findings: int = 0
    acknowledged: Acknowledgement | None = None
    harm: Mapping[str, Any] | None = None
    sliced_by: str = ""

    @property
    def ratio(self) -> float:
        """How many times its limit the effect is; 0 where no test measured it."""
        return (self.effect or 0.0) / self.least_effect if self.least_effect else 0.0

    @property
    def is_present(self) -> bool:
        return self.state in PRESENT

    @property
    def is_accepted(self) -> bool:
        return self.acknowledged is not None and self.acknowledged.is_valid

    def to_json(self) -> dict[str, Any]:
        """As docs/verdict.schema.json describes it."""
        values = dict(vars(self))
        values["since"] = iso(values.pop("first_start"))
        values["features"] = [{"feature": each.feature, "space": each.space.value} for each in self.features]
        return {**values, "acknowledged": self.acknowledged and self.acknowledged.to_json()}
