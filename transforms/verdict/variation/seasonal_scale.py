"""How much the days of one season vary beside those of another: weather varies more in winter than in summer.

The variance of days about those near them in the year is taken to rise and fall once a year, as the
exponential of a wave (multiplicative heteroscedasticity: Harvey 1976), and is fitted as a generalized linear
model of their squares. Days are many where spans as long as a window are few.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np

from trueserve.transforms.verdict.variation import matching, span_tails

Array = np.ndarray[Any, Any]

_YEAR = matching.DAYS_OF_YEAR
_STEPS = 20
# The square of a day is at least this part of the mean: then no season varies 8 times as much as the mean.
_LEAST_SQUARE = 1 / 64
# So far from nothing lies a wave by chance in one of 20 cases: chi-squared, of two degrees of freedom.
_BY_CHANCE = 5.99


class SeasonalScale(NamedTuple):
    """The standard deviation of days by season, beside the mean.

    Attributes:
      wave: [2] coefficients of cosine and sine in the logarithm of the variance; 0 if chance makes as much.
      freedom: the degrees of freedom of a deviation that is known as well as one season's beside another's.
    """

    wave: Array
    freedom: float

    @classmethod
    def of_days(cls, days: Array, values: Array) -> SeasonalScale:
        """Of values of days, in days since 1970, that cover all seasons."""
        calendar = _calendar(np.ascontiguousarray(days, np.int64).tobytes())
        squares = np.square(values - calendar.neighbours @ values)
        squares += max(_LEAST_SQUARE * float(squares.mean()), 1e-300)
        fitted, squares_by_wave = _fitted(calendar, squares)
        residuals = squares / squares_by_wave - 1
        independent = len(days) / span_tails.lasts(residuals)
        dispersion = max(float(residuals @ residuals) / len(days), 1e-300)
        # Each of both coefficients has twice the variance of a mean, that of a logarithm is 2 / freedom.
        freedom, wave = independent / dispersion, fitted[1:]
        if float(wave @ wave) * freedom / 2 < _BY_CHANCE:
            return cls(np.zeros(2), math.inf)
        return cls(wave, freedom)

    def at(self, angles: Array) -> Array:
        """The deviation at these angles of the year, beside that of all seasons."""
        result: Array = np.exp((self.wave[0] * np.cos(angles) + self.wave[1] * np.sin(angles)) / 2)
        return result


class _Calendar(NamedTuple):
    """Of so many days, which most features share.

    Attributes:
      neighbours: [days, days] the mean of the days of the same season, without the day itself.
      waves, fit: [days, 3] a constant and the yearly wave, and [3, days] its inverse by least squares.
    """

    neighbours: Array
    waves: Array
    fit: Array


@functools.lru_cache(maxsize=4)
def _calendar(packed: bytes) -> _Calendar:
    days = np.frombuffer(packed, np.int64)
    apart = np.abs(days[:, None] - days[None, :]) % _YEAR
    near = (np.minimum(apart, _YEAR - apart) <= matching.SEASON).astype(float)
    np.fill_diagonal(near, 0.0)
    angles = days * (2 * math.pi / _YEAR)
    waves = np.stack([np.ones(len(days)), np.cos(angles), np.sin(angles)], 1)
    return _Calendar(near / np.maximum(near.sum(1, keepdims=True), 1), waves, np.linalg.pinv(waves))


def _fitted(calendar: _Calendar, squares: Array) -> tuple[Array, Array]:
    """Coefficients, and the means that follow: a gamma model, its link the logarithm (McCullagh, Nelder)."""
    coefficients = np.array([math.log(float(squares.mean())), 0.0, 0.0])
    for _ in range(_STEPS):
        means = np.exp(calendar.waves @ coefficients)
        step = calendar.fit @ np.clip((squares - means) / means, -2.0, 2.0)
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-6:
            break
    return coefficients, np.exp(calendar.waves @ coefficients)
