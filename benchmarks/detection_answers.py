"""What was judged and what was said: plain values, as rates and reports are made of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

OURS, PLAIN = "trueserve", "trueserve, plain TFDV baseline"
#: Its errors and what it reports as information: differences beyond chance that are too small to matter.
WITH_INFO = "trueserve, information included"
STANDARD, QUANTILES = "tfdv standard", "tfdv quantiles"
EVIDENTLY, TESTS = "evidently", "tests"
METHODS_OF_PEERS = (EVIDENTLY, TESTS)
#: The score of what is found beyond doubt, whatever the threshold.
SURE = 400.0


class Answer(NamedTuple):
    """Of one feature in one window: the greater the score, the surer; `alarm` as it comes.

    `alarm` of TFDV: an anomaly of type or presence; `new`: values that its domain does not have.
    """

    score: float
    alarm: bool
    new: bool = False


@dataclasses.dataclass(frozen=True)
class Planted:
    """A fault in a window: for each method the surest answer on the features that it touched."""

    key: str
    kind: str
    feature: str
    strength: float
    is_promised: bool
    is_number: bool
    is_long_tailed: bool
    answers: Mapping[str, Answer]


@dataclasses.dataclass(frozen=True)
class Judged:
    """What all methods said of a window: `clean` by method and feature.

    `numbers` are the features that are no categories.
    """

    source: str
    rows: int
    number: int
    clean: Mapping[str, Mapping[str, Answer]]
    planted: tuple[Planted, ...]
    numbers: frozenset[str]

    def is_asked_of(self, method: str) -> bool:
        return method in self.clean
