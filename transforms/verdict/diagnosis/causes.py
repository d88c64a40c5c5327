"""What may have been done to a feature: the names of the causes, and an explanation by one of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

SCALE, SHIFT, TIME, CONSTANT = "scale or unit", "shifted", "shifted in time", "constant or default value"
CAPPED, ROUNDED, SPREAD, SWAPPED = (
    "capped",
    "rounded",
    "spread at the same centre",
    "swapped with another feature",
)
TRANSFORMED = "transformed twice or elsewhere"
MOVED = "one value moved to another"


@dataclasses.dataclass(frozen=True)
class Explanation:
    """A cause, in words, and the distribution function that it alone would give.

    Attributes:
      prior: how often such a thing happens, beside the others; a factor that everybody knows is likelier
        than one that was fitted.
      is_fitted: whether its factor or offset was taken from serving itself.
    """

    cause: str
    description: str
    share_up_to: Callable[[Array], Array]
    share_under: Callable[[Array], Array]
    prior: float = 1.0
    points: tuple[float, ...] = ()
    is_fitted: bool = False
