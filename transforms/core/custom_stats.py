"""What statistics carry beside TFDV's own fields, as `custom_stats`: names, and how values are laid out.

TFDV carries custom statistics along and compares none. The summaries write these, the verdict reads them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

#: Numbers have the points of their distribution function (`packed_points`), in `any`.
POINTS = "trueserve_quantiles"
#: Categories of weighted rows have, as a rank histogram, how often values came that weigh `NAMED_FROM` rows
#: or more and may have come in fewer: whoever names frequent values alone must not take them for such.
RARE_VALUES = "rare_values"
#: Categories of more values than are kept have, as a rank histogram, how often the rarest came and how many
#: (`high_rank`) came so often, how many came once more, and how many came up to twice as often.
RAREST = "rarest_values"
#: Numbers of weighted rows have, as a number, for how many rows the one of the greatest weight counts.
HEAVIEST_ROW = "heaviest_row"
#: How many rows tell as much as one independent row, of a feature's values and of its absence, as numbers,
#: where rows belong together (`branches.samples.design_effect`).
DESIGN_EFFECT, MISSING_EFFECT = "design_effect", "design_effect_of_missing"
#: A value that training does not know is named only from this many rows on: a rare string may be a person's.
NAMED_FROM = 10

_SHARE = "<f4"
_VALUE = "<f8"
_POINT_BYTES = 12


def packed_points(values: Array, shares: Array) -> bytes:
    """Points of a distribution function: all values, then as many shares (0 to 1) of values up to each.

    As a histogram's buckets two hundred of them would take ten times the time and memory.
    """
    return bytes(values.astype(_VALUE).tobytes() + shares.astype(_SHARE).tobytes())


def unpacked_points(packed: bytes) -> tuple[Array, Array] | None:
    """Values and shares, float64; None for what is no such bytes."""
    count = len(packed) // _POINT_BYTES
    if not count or len(packed) != count * _POINT_BYTES:
        return None
    values = np.frombuffer(packed, _VALUE, count)
    return values, np.frombuffer(packed, _SHARE, count, values.nbytes).astype(float)
