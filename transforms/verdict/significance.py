"""False discovery control and the least effect: which differences count.

A difference is an error only if both hold. Beyond chance: its p-value is among those that Benjamini and
Hochberg's rule keeps at `Policy.false_alarms`, over all features and tests of a comparison. Large enough: its
effect, a share of rows or values, reaches `LEAST_EFFECT`, or the limit that the user has set. A million rows
do not make a trifle an alarm, a hundred rows do not make noise one. docs/verdict.md follows one by hand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from functools import cached_property

from trueserve.transforms.verdict.evidence import new_values, p_values, power, two_sample, wording
from trueserve.transforms.verdict.evidence.feature_difference import (
    KOLMOGOROV,
    LENGTH,
    MISSING,
    UNSEEN_SHARE,
    VARIATION,
    VECTOR,
    FeatureDifference,
)
from trueserve.transforms.verdict.evidence.rates.false_discovery import Family
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.model import FindingEvidence, SeasonalVariation
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.variation import consecutive, in_season, seasonal_p_value
from trueserve.transforms.verdict.variation.consecutive import Both
from trueserve.transforms.verdict.variation.matched import Placed
from trueserve.transforms.verdict.variation.seasonal_difference import SeasonalDifference
from trueserve.transforms.verdict.variation.store import Variation
from trueserve.transforms.verdict.wording import percent

#: The least effect that matters, by metric: a share of rows or values, 0 to 1.
LEAST_EFFECT: Mapping[str, float] = {
    KOLMOGOROV: 0.025,
    VARIATION: 0.025,
    MISSING: 0.01,
    UNSEEN_SHARE: 0.01,
    LENGTH: 0.025,
    VECTOR: 0.01,  # a lower bound of the share of rows that differ at a position
}
# Why a feature could not have shown a change.
_HIDDEN = "{} of its values come too seldom to show a change; {}"
_OF_NUMBERS = "most are numbers written as text: have them read as numbers"
_OF_TEXTS = "an identifier, it seems, or free text"
_TOO_FEW = f"too few values to show a change in less than {percent(power.LARGE)} of them"
#: What findings of missing rows are called.
MISSING_METRIC = "missing_share_difference"


@dataclasses.dataclass(frozen=True)
class TestResults:
    """All differences of a comparison, and the p-value up to which they are beyond chance.

    Attributes:
      names: the features that are compared.
      present: those of which the missing rows alone are counted, as nothing else of them is compared; they
        may be absent in serving.
    """

    __test__ = False  # its name makes no test of it

    pair: ComparedPair
    names: tuple[str, ...]
    present: tuple[str, ...] = ()

    @cached_property
    def by_chance(self) -> dict[str, list[FeatureDifference]]:
        """By feature, with the probability that chance alone makes them.

        Where periods of training match the window they are differences from what these lead to expect.
        """
        return {
            name: [self._from_matches(name, difference) for difference in of_feature]
            for name, of_feature in self.from_all.items()
        }

    @cached_property
    def from_all(self) -> dict[str, list[FeatureDifference]]:
        """Likewise, whatever the season: from all of training."""
        differences = {name: [self._of_missing(name), *self._of_values(name)] for name in self.names}
        return differences | {name: [self._of_missing(name)] for name in self.present}

    @cached_property
    def matched(self) -> dict[tuple[str, str], SeasonalDifference]:
        """The differences from the periods of training that match the window, by feature and metric."""
        variation, start = self.pair.reference.variation, self.pair.start
        if not variation or start is None or self.pair.between_windows:
            return {}
        where = Placed(start, self.pair.span)
        return in_season.matched(variation, self.from_all, self._both_views, self.pair.rows, where)

    def _both_views(self, name: str) -> tuple[View, View | None]:
        return self.pair.training[name], self.pair.serving.get(name)

    def _from_matches(self, name: str, difference: FeatureDifference) -> FeatureDifference:
        matched = self.matched.get((name, difference.metric))
        return difference if matched is None else self._without_new(name, matched.difference)

    def _without_new(self, name: str, difference: FeatureDifference) -> FeatureDifference:
        return new_values.without_new(difference, self.pair.expected_new(name))

    @cached_property
    def differences(self) -> dict[str, list[FeatureDifference]]:
        """By feature, with the probability that chance and, where it is known, nature make them."""
        return {
            name: [self._with_season(name, difference) for difference in differences]
            for name, differences in self.by_chance.items()
        }

    @cached_property
    def seasonal(self) -> dict[tuple[str, str], SeasonalVariation]:
        """What training's own periods say of what chance does not explain, by feature and metric."""
        variation, rate = self.pair.reference.variation, self.pair.policy.false_alarms
        if variation is None:
            return {}
        significant = [
            (name, difference)
            for name, of_feature in self.by_chance.items()
            for difference in of_feature
            if difference.p_value <= rate
        ]
        seasonal = {
            (name, difference.metric): self._seasonal(variation, name, difference)
            for name, difference in significant
        }
        return {key: difference for key, difference in seasonal.items() if difference is not None}

    @cached_property
    def greatest_p(self) -> float:
        return self._greatest(self.differences)

    @cached_property
    def greatest_by_chance(self) -> float:
        """As `greatest_p`, had nobody asked how training's periods differ."""
        return self._greatest(self.by_chance)

    def _greatest(self, differences: Mapping[str, list[FeatureDifference]]) -> float:
        p_values = [difference.p_value for of_feature in differences.values() for difference in of_feature]
        return self._family.greatest(p_values, self.pair.policy.false_alarms)

    @cached_property
    def _family(self) -> Family:
        return Family(
            difference.attainable for of_feature in self.by_chance.values() for difference in of_feature
        )

    @cached_property
    def first_p(self) -> float:
        """The p-value that a single difference must have to count, were it the only one."""
        return self._family.first(self.pair.policy.false_alarms)

    @cached_property
    def least_visible(self) -> float:
        """The least part of the rows whose change could have been seen (`power.least_visible`)."""
        rows = max((view.rows for view in self.pair.training.values()), default=0)
        return power.least_visible(p_values.effective_size(rows, self.pair.rows), self.first_p)

    @cached_property
    def without_power(self) -> dict[str, str]:
        """Features with values that could not show even a large change, and why."""
        reasons = dict(self._hidden())
        # Where all rows together are too few, that is said of the run, not of each feature.
        few = self.blind() if self.least_visible <= power.LARGE else []
        return reasons | {name: _TOO_FEW for name in few if name not in reasons}

    def _hidden(self) -> Iterator[tuple[str, str]]:
        for name, training, serving in self._with_values():
            if (share := power.hidden_share(training, serving)) > 1 - power.LARGE:
                what = _OF_NUMBERS if power.are_numbers(training) else _OF_TEXTS
                yield name, _HIDDEN.format(percent(share), what)

    def blind(self) -> list[str]:
        """Features with values, but too few of them to show even a large change."""
        sizes = {
            name: p_values.effective_size(training.worth_finite, serving.worth_finite)
            for name, training, serving in self._with_values()
        }
        seen = {name: power.least_visible(size, self.first_p) for name, size in sizes.items()}
        return [name for name, least in seen.items() if least > power.LARGE]

    def _with_values(self) -> Iterator[tuple[str, View, View]]:
        for name in self.names:
            training, serving = self.pair.training[name], self.pair.serving.get(name)
            if serving is not None and serving.present:
                yield name, training, serving

    def evidence(self, name: str, difference: FeatureDifference) -> FindingEvidence:
        """What the decision on a difference of a feature rests on."""
        least = self.least_effect(name, difference.metric)
        return FindingEvidence(
            beyond_chance=difference.p_value <= self.greatest_p,
            large_enough=difference.effect >= least,
            metric=MISSING_METRIC if difference.metric == MISSING else difference.metric,
            effect=difference.effect,
            least_effect=least,
            p_value=difference.p_value,
            p_by_chance=self._by_chance(name, difference.metric),
            p_limit=self.greatest_p,
            effective_rows=round(difference.size),
            parts=wording.parts_of(self.pair, name, difference),
            seasonal=self.seasonal.get((name, difference.metric)),
        )

    def _by_chance(self, name: str, metric: str) -> float:
        return next(difference.p_value for difference in self.by_chance[name] if difference.metric == metric)

    def is_remarkable(self, name: str, difference: FeatureDifference) -> bool:
        """Whether chance does not explain a difference, though it is no error: worth knowing of."""
        return self._by_chance(name, difference.metric) <= self.greatest_by_chance

    def least_effect(self, name: str, metric: str) -> float:
        """From which effect on a difference of a feature matters: the user's limit, or ours."""
        return self.pair.limit(name, metric, LEAST_EFFECT[metric])

    def counts(self, name: str, difference: FeatureDifference) -> bool:
        """Whether a difference of a feature is beyond chance and matters."""
        return self.is_beyond_chance(difference) and difference.effect >= self.least_effect(
            name, difference.metric
        )

    def is_beyond_chance(self, difference: FeatureDifference) -> bool:
        return difference.p_value <= self.greatest_p

    def of(self, name: str, *metrics: str) -> list[FeatureDifference]:
        """What counts of a feature, in these metrics."""
        return [
            difference
            for difference in self.differences.get(name, ())
            if difference.metric in metrics and self.counts(name, difference)
        ]

    def measured(self, name: str, *metrics: str) -> bool:
        """Whether a feature was measured in any of these metrics."""
        return any(difference.metric in metrics for difference in self.differences.get(name, ()))

    def _seasonal(
        self, variation: Variation, name: str, difference: FeatureDifference
    ) -> SeasonalVariation | None:
        if (matched := self.matched.get((name, difference.metric))) is not None:
            return matched.variation()
        pair, both_views = self.pair, self._both_views(name)
        if pair.between_windows and pair.start is not None and pair.previous_start is not None:
            rows = (max((view.rows for view in pair.training.values()), default=0), pair.rows)
            both = Both(Placed(pair.previous_start, pair.span), Placed(pair.start, pair.span), rows)
            seasonal = consecutive.of_difference(variation, name, difference, both_views, both)
            if seasonal is not None:
                return seasonal
        return seasonal_p_value.of_difference(
            variation, name, difference, both_views, pair.span, between_windows=pair.between_windows
        )

    def _with_season(self, name: str, difference: FeatureDifference) -> FeatureDifference:
        seasonal = self.seasonal.get((name, difference.metric))
        return (
            difference
            if seasonal is None
            else dataclasses.replace(difference, p_value=self._combined(difference.p_value, seasonal.p_value))
        )

    def _combined(self, by_chance: float, seasonal: float) -> float:
        """One p-value: of what counts more may be nature's than chance's, so nature's weigh less."""
        policy = self.pair.policy
        return max(by_chance, min(seasonal * policy.false_alarms / policy.natural_alarms, 1.0))

    def seasonal_p(self, name: str, effect: float, by_chance: float) -> float:
        """The p-value of a share of values that moved by `effect`, given that by chance alone."""
        variation = self.pair.reference.variation
        if variation is None or by_chance > self.pair.policy.false_alarms:
            return by_chance
        matched = [d.p_value for d in self.differences[name] if self._is_matched(name, d.metric)]
        if matched:
            return max(by_chance, *matched)
        return self._combined(by_chance, seasonal_p_value.of_share(variation, name, effect, self.pair.span))

    def _is_matched(self, name: str, metric: str) -> bool:
        """Whether the values of a feature are held against those of its season."""
        return metric in (KOLMOGOROV, VARIATION) and (name, metric) in self.matched

    def _of_missing(self, name: str) -> FeatureDifference:
        return two_sample.of_missing(self.pair.training[name], self.pair.missing(name), self.pair.rows)

    def _of_values(self, name: str) -> Iterator[FeatureDifference]:
        both = self._of_pools_and_positions(name)
        differences = (self._without_new(name, difference) for difference in both)
        if self.pair.between_windows and self.pair.reference.variation is not None:
            # What yesterday lacked is no news where days differ: its share is in the distribution, which is
            # held against days, and what training lacked is told beside training.
            return (difference for difference in differences if difference.metric != UNSEEN_SHARE)
        return differences

    def _of_pools_and_positions(self, name: str) -> Iterator[FeatureDifference]:
        yield from two_sample.of_values(self.pair.training[name], self.pair.serving[name])
        if (of_vector := self.pair.vector_difference(name)) is not None:
            yield of_vector
