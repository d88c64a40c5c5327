"""Whose ties to the others are weaker: which feature explains that others go with it no longer.

A feature whose ties broke weakens those of others, too. So the surest one is taken out with its ties, and the
others are looked at again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from trueserve.transforms.verdict.dependence import attenuation
from trueserve.transforms.verdict.dependence.attenuation import Estimate, Measured
from trueserve.transforms.verdict.evidence.rates import false_discovery

# Without the tie between both, a feature is intact up to this p-value; if both are, either may be meant.
_INTACT = 0.01


class Partner(NamedTuple):
    """Another feature, with the correlations of training and of serving."""

    name: str
    training: float
    serving: float


class Weaker(NamedTuple):
    """A feature whose ties are weaker.

    Attributes:
      part: the part (0 to 1, or more where ties turned round) by which they are, or of rows that are wrong.
      p_value: how likely chance makes as much of it, in this direction.
      partners: those that it goes with in training, the strongest first.
      either: the partner that may be meant as well, None where it is this feature.
    """

    name: str
    part: float
    p_value: float
    partners: tuple[Partner, ...]
    either: str | None = None


def weaker(measured: Measured, rate: float, limits: Mapping[str, float]) -> list[Weaker]:
    """The features whose ties are weaker by their limit or more, and at most `rate` of them by chance.

    The surest come first.
    """
    # What the user lets pass explains other features' ties all the same.
    weaker_features = _Search(measured, rate, min(limits.values())).all().values()
    return [each for each in weaker_features if each.part >= limits[each.name]]


class _Search:
    """What is left to explain: ties of which no feature was taken out, and their features' estimates."""

    def __init__(self, measured: Measured, rate: float, least: float) -> None:
        self._measured, self._least = measured, least
        self._ties: dict[str, list[int]] = {}
        for tie, (first, second, *_) in enumerate(measured.ties):
            self._ties.setdefault(first, []).append(tie)
            self._ties.setdefault(second, []).append(tie)
        self._estimates = {name: attenuation.estimate(measured, ties) for name, ties in self._ties.items()}
        self._limit = _limit([estimate.p_value for estimate in self._estimates.values()], rate)

    def all(self) -> dict[str, Weaker]:
        """By name; of a pair of which either may be meant, both."""
        result: dict[str, Weaker] = {}
        while counting := [name for name, each in self._estimates.items() if self._counts(each)]:
            name, other = self._named(
                max(counting, key=lambda name: (self._estimates[name].deviations, name))
            )
            result.setdefault(name, self._weaker(name, other))
            if other is not None:
                result.setdefault(other, self._weaker(other, name))
            self._take_out(name)
        return result

    def _counts(self, estimate: Estimate) -> bool:
        return estimate.p_value <= self._limit and estimate.part >= self._least

    def _named(self, surest: str) -> tuple[str, str | None]:
        """The feature or its partner, whichever has other weaker ties; and the other if neither has."""
        ties = self._ties_of(surest)
        partner = self._other(ties[0], surest)
        if not self._counts(self._estimates[partner]):
            return surest, None
        alone, partner_alone = (
            attenuation.estimate(self._measured, [tie for tie in self._ties_of(name) if tie != ties[0]])
            for name in (surest, partner)
        )
        if min(alone.p_value, partner_alone.p_value) > _INTACT:
            return surest, partner
        return (surest if alone.deviations >= partner_alone.deviations else partner), None

    def _weaker(self, name: str, either: str | None) -> Weaker:
        partners = tuple(
            Partner(
                self._other(tie, name), self._measured.ties[tie].strength, float(self._measured.served[tie])
            )
            for tie in self._ties_of(name)
        )
        estimate = self._estimates[name]
        return Weaker(name, estimate.part, estimate.p_value, partners, either)

    def _take_out(self, name: str) -> None:
        """Others have what is left of their ties, if anything is."""
        del self._estimates[name]
        for tie in self._ties.pop(name):
            other = self._other(tie, name)
            self._ties[other].remove(tie)
            if self._ties[other]:
                self._estimates[other] = attenuation.estimate(self._measured, self._ties[other])
            else:
                self._estimates.pop(other, None)

    def _ties_of(self, name: str) -> list[int]:
        """What is left of them, those that tell most first."""
        weights = self._measured.weights
        return sorted(
            self._ties[name], key=lambda tie: -float(weights[tie]) * self._measured.ties[tie].strength
        )

    def _other(self, tie: int, name: str) -> str:
        first, second = self._measured.ties[tie][:2]
        return second if name == first else first


def _limit(all_p_values: Sequence[float], rate: float) -> float:
    """Up to which p-value a test counts (Benjamini and Hochberg), also one that is made later."""
    greatest = false_discovery.beyond(all_p_values, rate)
    counting = sum(p_value <= greatest for p_value in all_p_values if p_value <= rate)
    return rate * counting / max(len(all_p_values), 1)
