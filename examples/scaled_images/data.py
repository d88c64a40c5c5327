"""Handwritten digits: 1,797 images of 8 x 8 pixels, which 43 people wrote, and a client that sends them.

They are the test set of the UCI repository's "Optical Recognition of Handwritten Digits" (E. Alpaydin and
C. Kaynak, 1998, CC BY 4.0): a line of `digits.csv.gz` has the 64 pixels of an image, from 0 to 16, and the
digit.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from examples.rows import Row, Split, split

LABEL = "digit"
CLASSES = 10
WHITE = 255
_FILE = Path(__file__).with_name("digits.csv.gz")
_WHITE_OF_FILE = 16
_SERVED = 0.4
_SEED = 1998


class Image(NamedTuple):
    """64 pixels row by row, from 0 (black) to 255, and what they show."""

    pixels: list[int]
    digit: int


def read() -> Split[Image]:
    """All the digits."""
    table = np.loadtxt(_FILE, delimiter=",", dtype=np.int64).tolist()
    return split([Image(_grey(pixels), digit) for *pixels, digit in table], _SERVED, _SEED)


def rows(images: Sequence[Image]) -> list[Row]:
    """Images as the model is trained on them, and as the right client sends them: `pixels` from 0 to 1."""
    return [{"pixels": [value / WHITE for value in pixels], LABEL: [digit]} for pixels, digit in images]


def _grey(pixels: list[int]) -> list[int]:
    """As image files have it."""
    return [round(value * WHITE / _WHITE_OF_FILE) for value in pixels]
