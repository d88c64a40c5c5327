"""What goes wrong with the scale of pixels: in the client, and in serving code that was written by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from examples.rows import Row
from examples.scaled_images.data import LABEL, WHITE, Image, rows


def undivided(images: Sequence[Image]) -> list[Row]:
    """The client forgets to divide and sends 0..255."""
    return [{"pixels": [float(value) for value in pixels], LABEL: [digit]} for pixels, digit in images]


def divided_twice(images: Sequence[Image]) -> list[Row]:
    """The client divides by 255 what its image library has divided before."""
    return [{**row, "pixels": [value / WHITE for value in row["pixels"]]} for row in rows(images)]


def divided_in_the_graph(features: Mapping[str, Any]) -> dict[str, Any]:
    """The serving code divides by 255 what the client has divided before."""
    return {**features, "pixels": features["pixels"] / WHITE}
