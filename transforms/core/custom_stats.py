"""What statistics carry beside TFDV's own fields, as `custom_stats`: names, and how values are laid out.

TFDV carries custom statistics along and compares none. The summaries write these, the verdict reads them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

#: Numbers have the points of their distribution function (`packed_points`), in `any`.
POINTS = "trueserve_quantiles"
#: Lists of one length, of numbers, have what is known of their positions (`VectorStats.packed`), in `any`.
VECTOR_STATS = "trueserve_positions"
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
#: How large that can be: the size of the group that a row is in, on average.
MOST_EFFECT = "most_design_effect"
#: A value that training does not know is named only from this many rows on: a rare string may be a person's.
NAMED_FROM = 10

_SHARE = "<f4"
_VALUE = "<f8"
_POINT_BYTES = 12
_HEADER = np.dtype([("format", "<u4"), ("length", "<u4"), ("columns", "<u4"), ("share", "<f4")])
_POSITION = np.dtype(
    [
        ("mean", "<f8"),
        ("deviation", "<f4"),
        ("kurtosis", "<f4"),
        ("least", "<f4"),
        ("most", "<f4"),
        ("zeros", "<f4"),
        ("finite", "<f4"),
    ]
)
_VECTOR_FORMAT = 1


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


class VectorStats(NamedTuple):
    """What is known of vectors: of each position, or block of positions, and of sums of all with fixed signs.

    Attributes:
      length: positions of a vector.
      columns: how many of `known` are positions or blocks; the rest are the sums.
      share: the share (0 to 1) of the rows with a list whose list has this length.
      known: a structured array: mean, deviation and kurtosis (the fourth moment by the squared variance) of
        the finite values, the least and the greatest, the shares of rows that are zero and that are finite.
    """

    length: int
    columns: int
    share: float
    known: Array

    def packed(self) -> bytes:
        """As `unpacked_positions` reads it: 32 bytes for each position and sum."""
        header = np.array([(_VECTOR_FORMAT, self.length, self.columns, self.share)], _HEADER)
        return bytes(header.tobytes() + self.known.tobytes())


def empty_positions(count: int) -> Array:
    """`VectorStats.known` of so many positions and sums, all zero."""
    return np.zeros(count, _POSITION)


def unpacked_positions(packed: bytes) -> VectorStats | None:
    """None for what is no such bytes, or of another format."""
    rest = len(packed) - _HEADER.itemsize
    if rest <= 0 or rest % _POSITION.itemsize:
        return None
    version, length, columns, share = np.frombuffer(packed, _HEADER, 1)[0].item()
    known = np.frombuffer(packed, _POSITION, offset=_HEADER.itemsize)
    if version != _VECTOR_FORMAT or not 0 < columns < len(known):
        return None
    return VectorStats(length, columns, share, known)
