"""Which differences count: beyond chance, and large enough to matter.

A difference is an error only if both hold. Beyond chance: its p-value is among those that Benjamini and
Hochberg's rule keeps at `Policy.false_alarms`, over all features and tests of a comparison. Large enough: its
effect, a share of rows or values, reaches `LEAST_EFFECT`, or the limit that the user has set. A million rows
do not make a trifle an alarm, a hundred rows do not make noise one. docs/verdict.md follows one by hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property

from transforms.verdict.evidence import p_values, power, two_sample, unseen_mass, wording
from transforms.verdict.evidence.false_discovery import Family
from transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN,
    VARIATION,
    Difference,
)
from transforms.verdict.model import Evidence, Finding, Kind, Natural, Severity
from transforms.verdict.reference import Sides
from transforms.verdict.severity import Policy
from transforms.verdict.variation import seasonal_p_value
from transforms.verdict.variation.store import Variation

#: The least effect that matters, by metric: a share of rows or values, 0 to 1.
LEAST_EFFECT: Mapping[str, float] = {
    KOLMOGOROV: 0.025,
    VARIATION: 0.025,
    MISSING: 0.01,
    UNSEEN: 0.01,
    LENGTH: 0.025,
}
#: What findings of missing rows are called.
MISSING_METRIC = "missing_share_difference"
_KINDS = {MISSING: Kind.PRESENCE, UNSEEN: Kind.VALUES}
_NOTHING_ELSE = "beside it nothing differs beyond chance by as much as matters"


@dataclasses.dataclass(frozen=True)
class Judgement:
    """All differences of a comparison, and the p-value up to which they are beyond chance.

    Attributes:
      names: the features that are compared.
      present: those of which the missing rows alone are counted, as nothing else of them is compared; they
        may be absent in serving.
    """

    sides: Sides
    names: tuple[str, ...]
    present: tuple[str, ...] = ()

    @cached_property
    def by_chance(self) -> dict[str, list[Difference]]:
        """By feature, with the probability that chance alone makes them."""
        found = {name: [self._of_missing(name), *self._of_values(name)] for name in self.names}
        return found | {name: [self._of_missing(name)] for name in self.present}

    @cached_property
    def found(self) -> dict[str, list[Difference]]:
        """By feature, with the probability that chance and, where it is known, nature make them."""
        return {
            name: [self._with_nature(name, one) for one in found] for name, found in self.by_chance.items()
        }

    @cached_property
    def natural(self) -> dict[tuple[str, str], Natural]:
        """What training's own periods say of what chance does not explain, by feature and metric."""
        variation, rate = self.sides.reference.variation, self.sides.policy.false_alarms
        if variation is None:
            return {}
        asked = [(n, one) for n, found in self.by_chance.items() for one in found if one.p_value <= rate]
        told = {(name, one.metric): self._natural(variation, name, one) for name, one in asked}
        return {key: one for key, one in told.items() if one is not None}

    @cached_property
    def greatest_p(self) -> float:
        return self._greatest(self.found)

    @cached_property
    def greatest_by_chance(self) -> float:
        """As `greatest_p`, had nobody asked how training's periods differ."""
        return self._greatest(self.by_chance)

    def _greatest(self, differences: Mapping[str, list[Difference]]) -> float:
        p_values = [one.p_value for found in differences.values() for one in found]
        return self._family.greatest(p_values, self.sides.policy.false_alarms)

    @cached_property
    def _family(self) -> Family:
        return Family(one.attainable for found in self.by_chance.values() for one in found)

    @cached_property
    def first_p(self) -> float:
        """The p-value that a single difference must have to count, were it the only one."""
        return self._family.first(self.sides.policy.false_alarms)

    @cached_property
    def least_visible(self) -> float:
        """The least part of the rows whose change could have been seen (`power.least_visible`)."""
        rows = max((view.rows for view in self.sides.training.values()), default=0)
        return power.least_visible(p_values.effective_size(rows, self.sides.rows), self.first_p)

    def blind(self) -> list[str]:
        """Features with values, but too few of them to show even a large change."""
        views = [(name, self.sides.training[name], self.sides.serving.get(name)) for name in self.names]
        sizes = {
            name: p_values.effective_size(training.worth_finite, serving.worth_finite)
            for name, training, serving in views
            if serving is not None and serving.present
        }
        seen = {name: power.least_visible(size, self.first_p) for name, size in sizes.items()}
        return [name for name, least in seen.items() if least > power.LARGE]

    def evidence(self, name: str, one: Difference) -> Evidence:
        """What the decision on a difference of a feature rests on."""
        least = self.least_effect(name, one.metric)
        return Evidence(
            beyond_chance=one.p_value <= self.greatest_p,
            large_enough=one.effect >= least,
            metric=MISSING_METRIC if one.metric == MISSING else one.metric,
            effect=one.effect,
            least_effect=least,
            p_value=one.p_value,
            p_by_chance=self._by_chance(name, one.metric),
            p_limit=self.greatest_p,
            effective_rows=round(one.size),
            parts=wording.parts_of(self.sides, name, one),
            natural=self.natural.get((name, one.metric)),
        )

    def _by_chance(self, name: str, metric: str) -> float:
        return next(one.p_value for one in self.by_chance[name] if one.metric == metric)

    def is_remarkable(self, name: str, one: Difference) -> bool:
        """Whether chance does not explain a difference, though it is no error: worth knowing of."""
        return self._by_chance(name, one.metric) <= self.greatest_by_chance

    def least_effect(self, name: str, metric: str) -> float:
        """From which effect on a difference of a feature matters: the user's limit, or ours."""
        return self.sides.limit(name, metric, LEAST_EFFECT[metric])

    def counts(self, name: str, one: Difference) -> bool:
        """Whether a difference of a feature is beyond chance and matters."""
        return self.is_beyond_chance(one) and one.effect >= self.least_effect(name, one.metric)

    def is_beyond_chance(self, one: Difference) -> bool:
        return one.p_value <= self.greatest_p

    def of(self, name: str, *metrics: str) -> list[Difference]:
        """What counts of a feature, in these metrics."""
        return [one for one in self.found.get(name, ()) if one.metric in metrics and self.counts(name, one)]

    def measured(self, name: str, *metrics: str) -> bool:
        """Whether a feature was measured in any of these metrics."""
        return any(one.metric in metrics for one in self.found.get(name, ()))

    def _natural(self, variation: Variation, name: str, one: Difference) -> Natural | None:
        sides = (self.sides.training[name], self.sides.serving.get(name))
        pair = self.sides.is_pair
        return seasonal_p_value.of_difference(variation, name, one, sides, self.sides.span, is_pair=pair)

    def _with_nature(self, name: str, one: Difference) -> Difference:
        natural = self.natural.get((name, one.metric))
        return (
            one
            if natural is None
            else dataclasses.replace(one, p_value=self._both(one.p_value, natural.p_value))
        )

    def _both(self, by_chance: float, naturally: float) -> float:
        """One p-value: of what counts more may be nature's than chance's, so nature's weigh less."""
        policy = self.sides.policy
        return max(by_chance, min(naturally * policy.false_alarms / policy.natural_alarms, 1.0))

    def natural_p(self, name: str, effect: float, by_chance: float) -> float:
        """The p-value of a share of values that moved by `effect`, given that by chance alone."""
        variation = self.sides.reference.variation
        if variation is None or by_chance > self.sides.policy.false_alarms:
            return by_chance
        return self._both(by_chance, seasonal_p_value.of_share(variation, name, effect, self.sides.span))

    def _of_missing(self, name: str) -> Difference:
        return two_sample.of_missing(self.sides.training[name], self.sides.missing(name), self.sides.rows)

    def _of_values(self, name: str) -> Iterator[Difference]:
        found = two_sample.of_values(self.sides.training[name], self.sides.serving[name])
        if self.sides.is_pair and self.sides.reference.variation is not None:
            # What yesterday lacked is no news where days differ: its share is in the distribution, which is
            # held against days, and what training lacked is told beside training.
            return (one for one in found if one.metric != UNSEEN)
        return found


def findings(judgement: Judgement, told: Iterable[Finding]) -> Iterator[Finding]:
    """A finding for each difference that counts and that no finding of its kind tells already.

    What is beyond chance and does not count, as it is small or as training's own periods differ so, is info.
    """
    told = list(told)
    said = {(one.feature, one.kind) for one in told if one.severity is Severity.ERROR}
    mentioned = {one.feature for one in told}
    for name, found in judgement.found.items():
        for one in sorted(found, key=lambda one: not judgement.counts(name, one)):
            kind = kind_of(one.metric)
            counts = judgement.counts(name, one)
            if (name, kind) in said or (not counts and name in mentioned):
                continue
            if counts or judgement.is_remarkable(name, one):
                said.add((name, kind))
                mentioned.add(name)
                yield _finding(judgement, name, kind, one)


def kind_of(metric: str) -> Kind:
    """What a difference in this metric is a finding of."""
    return _KINDS.get(metric, Kind.DISTRIBUTION)


def is_the_users(sides: Sides, name: str, kind: Kind) -> bool:
    """Whether the user has said which distance matters: by the feature's comparator, or by a flag."""
    if kind is not Kind.DISTRIBUTION:
        return False
    is_number = sides.serving[name].kind == "number"
    given, usual = (getattr(side, "jsd" if is_number else "linf") for side in (sides.policy, Policy()))
    return name in sides.own_thresholds or given != usual


def settled(judgement: Judgement, finding: Finding) -> Finding:
    """A distance of TFDV's over a threshold that trueserve set: an error only if the evidence agrees."""
    if finding.severity is not Severity.ERROR or finding.feature in judgement.sides.own_thresholds:
        return finding
    metrics = (KOLMOGOROV, VARIATION, LENGTH)
    if not judgement.measured(finding.feature, *metrics):
        return finding
    agreeing = judgement.of(finding.feature, *metrics)
    if agreeing:
        return _with_evidence(judgement, finding, agreeing, say=True)
    every = [one for one in judgement.found[finding.feature] if one.metric in metrics]
    told = judgement.evidence(finding.feature, min(every, key=lambda one: one.p_value))
    said = f"{finding.message}; {wording.only_nature(told) or _NOTHING_ELSE}"
    return dataclasses.replace(finding, severity=Severity.INFO, message=said, evidence=told)


def settled_values(judgement: Judgement, finding: Finding) -> Finding:
    """Values that training did not have, as many as count: an error where they are more than it predicts."""
    if finding.kind is not Kind.VALUES or not judgement.measured(finding.feature, UNSEEN):
        return finding
    if finding.severity is Severity.INFO:
        return finding
    agreeing = judgement.of(finding.feature, UNSEEN)
    if agreeing:
        return _with_evidence(judgement, dataclasses.replace(finding, severity=Severity.ERROR), agreeing)
    if known_outside(judgement, finding.feature) >= judgement.least_effect(finding.feature, UNSEEN):
        return finding  # what training had it says nothing against: the schema's word holds
    return dataclasses.replace(finding, severity=Severity.WARNING, p_value=None)


def known_outside(judgement: Judgement, name: str) -> float:
    """The share of the values served that the schema leaves out and training had, at least."""
    sides = judgement.sides
    outside = unseen_mass.of_category(sides.schema, sides.features[name], sides.serving[name])
    [new] = [one for one in judgement.found[name] if one.metric == UNSEEN]
    [(_, _, never_seen)] = new.parts
    return outside.least - never_seen if outside is not None else 0.0


def settled_presence(judgement: Judgement, finding: Finding) -> Finding:
    """Rows that lack a feature which the schema requires: few of many are a warning, and no alarm."""
    if finding.kind is not Kind.PRESENCE or finding.severity is not Severity.ERROR:
        return finding
    if not judgement.measured(finding.feature, MISSING):
        return finding
    agreeing = judgement.of(finding.feature, MISSING)
    if agreeing:
        return _with_evidence(judgement, finding, agreeing)
    [one] = [one for one in judgement.found[finding.feature] if one.metric == MISSING]
    told = judgement.evidence(finding.feature, one)
    why = wording.why_not(told)
    return dataclasses.replace(
        finding, severity=Severity.WARNING, message=f"{finding.message}; {why}", evidence=told
    )


def _with_evidence(
    judgement: Judgement, finding: Finding, agreeing: Iterable[Difference], *, say: bool = False
) -> Finding:
    """`say`: in the message too, where the finding's own measure is not what decided."""
    least = min(agreeing, key=lambda one: one.p_value)
    told = judgement.evidence(finding.feature, least)
    said = f"{finding.message}; {wording.decided(least, told)}" if say else finding.message
    return dataclasses.replace(finding, message=said, p_value=least.p_value, evidence=told)


def _finding(judgement: Judgement, name: str, kind: Kind, one: Difference) -> Finding:
    sides, told = judgement.sides, judgement.evidence(name, one)
    counts = judgement.counts(name, one) and not is_the_users(sides, name, kind)
    return Finding(
        feature=name,
        space=sides.reference.space,
        kind=kind,
        severity=Severity.ERROR if counts else Severity.INFO,
        metric=MISSING_METRIC if one.metric == MISSING else one.metric,
        message=wording.sentence(one, told),
        distance=one.effect,
        threshold=told.least_effect,
        noise_floor=one.floor,
        p_value=one.p_value,
        raw_features=sides.raw_features(name),
        evidence=told,
    )
