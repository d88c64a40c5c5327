"""Incidents over the windows: which of them are new, last, have got worse or better, or are over."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterable, Sequence

from trueserve.transforms.verdict.incidents.acknowledged import Acknowledged
from trueserve.transforms.verdict.incidents.coverage import Coverage
from trueserve.transforms.verdict.incidents.incident import (
    Acknowledgement,
    Incident,
    IncidentState,
)
from trueserve.transforms.verdict.model import Severity
from trueserve.transforms.verdict.severity import RANKS

# An effect that grew by this part, and beyond what chance makes of it in both windows, is worse.
_PART, _DEVIATIONS = 0.2, 3.0


def followed(
    incidents: Sequence[Incident],
    previous: Sequence[Incident],
    coverage: Coverage,
    acknowledged: Iterable[Acknowledged] = (),
    start: dt.datetime | None = None,
) -> tuple[Incident, ...]:
    """The incidents with their state, in order, and after them those of `previous` that are over.

    Args:
      incidents: this window's, each as if it were new.
      previous: those of the last window before it that was examined.
      coverage: what this window looked at: what it did not look for cannot be over.
      acknowledged: what the user accepts.
      start: of this window.
    """
    pairs = _matched(incidents, [each for each in previous if _lasts(each)])
    present = [_following(each, pairs.get(at)) for at, each in enumerate(incidents)]
    matched = {old.id for old in pairs.values()}
    gone = [_gone(each, coverage) for each in previous if _lasts(each) and each.id not in matched]
    by_id = {each.incident: each for each in acknowledged}
    olds = {old.id: old for old in pairs.values()} | {each.id: each for each in gone}
    return tuple(_accepted(each, olds.get(each.id), by_id.get(each.id), start) for each in (*present, *gone))


def _lasts(incident: Incident) -> bool:
    return incident.state is not IncidentState.RESOLVED


def _matched(incidents: Sequence[Incident], previous: Sequence[Incident]) -> dict[int, Incident]:
    """The earlier incident that each is: of the same cause, or else of mostly the same features."""
    pairs: dict[int, Incident] = {}
    left = list(previous)
    for alike in (_same_cause, _same_features):
        for at, incident in enumerate(incidents):
            candidates = [old for old in left if at not in pairs and alike(incident, old)]
            if candidates:
                pairs[at] = max(candidates, key=lambda old: _overlap(incident, old))
                left.remove(pairs[at])
    return pairs


def _same_cause(incident: Incident, old: Incident) -> bool:
    same = (incident.kind, incident.key, incident.sliced_by) == (old.kind, old.key, old.sliced_by)
    return same and (_overlap(incident, old) > 0 or not (incident.features or old.features))


def _same_features(incident: Incident, old: Incident) -> bool:
    """Whether half of all features of both are shared: a diagnosis may differ from night to night."""
    return _overlap(incident, old) >= 0.5


def _overlap(incident: Incident, old: Incident) -> float:
    ours, theirs = set(incident.features), set(old.features)
    return len(ours & theirs) / len(ours | theirs) if ours or theirs else 0.0


def _following(incident: Incident, old: Incident | None) -> Incident:
    if old is None:
        return incident
    return dataclasses.replace(incident, id=old.id, first_start=old.first_start, state=_state(incident, old))


def _state(incident: Incident, old: Incident) -> IncidentState:
    if _is_worse(incident, old):
        return IncidentState.WORSE
    if _is_worse(old, incident):
        return IncidentState.BETTER
    return IncidentState.ONGOING


def _is_worse(incident: Incident, old: Incident) -> bool:
    """Severer, or more over its limit than chance and a fifth explain."""
    if incident.severity is not old.severity:
        return RANKS[incident.severity] < RANKS[old.severity]
    return _has_grown(incident, old.metric, old.effect, old.effective_rows)


def _has_grown(incident: Incident, metric: str | None, before: float | None, rows_before: int | None) -> bool:
    """Whether the effect is greater than `before`; effects of other metrics are not to be compared."""
    if incident.effect is None or before is None or incident.metric != metric:
        return False
    return incident.effect - before > max(_PART * before, _noise_of(incident.effective_rows, rows_before))


def _noise_of(*rows: int | None) -> float:
    """What chance makes of a difference of two shares of so many rows."""
    return _DEVIATIONS * math.sqrt(sum(0.25 / max(count or 1, 1) for count in rows))


def _gone(old: Incident, coverage: Coverage) -> Incident:
    """Over, if this window looked for all that it is about."""
    state = IncidentState.RESOLVED if coverage.shows(old) else IncidentState.NOT_COMPARED
    return dataclasses.replace(old, state=state, findings=0)


def _accepted(
    incident: Incident, old: Incident | None, entry: Acknowledged | None, start: dt.datetime | None
) -> Incident:
    """The incident with what the user says of it, as long as that holds."""
    if entry is None or incident.state is IncidentState.RESOLVED:
        return dataclasses.replace(incident, acknowledged=None)
    metric, effect, severity = _accepted_as(incident, old)
    rows = old.effective_rows if old is not None else incident.effective_rows
    has_grown = _has_grown(incident, metric, effect, rows)
    is_severer = RANKS[incident.severity] < RANKS[severity]
    in_time = start is None or start.date() < entry.until
    is_valid = in_time and not has_grown and not is_severer
    acknowledged = Acknowledgement(entry.until, entry.note, metric, effect, severity, is_valid)
    state = IncidentState.WORSE if has_grown and incident.is_present else incident.state
    return dataclasses.replace(incident, acknowledged=acknowledged, state=state)


def _accepted_as(incident: Incident, old: Incident | None) -> tuple[str | None, float | None, Severity]:
    """Metric, effect and severity when first accepted: of the window before, which somebody has seen."""
    seen = incident if old is None else old
    first = seen.acknowledged or seen
    return first.metric, first.effect, first.severity


def unknown(entries: Iterable[Acknowledged], incidents: Sequence[Incident]) -> list[str]:
    """The ids that are acknowledged, and that no incident has."""
    ids = {incident.id for incident in incidents}
    return [entry.incident for entry in entries if entry.incident not in ids]
