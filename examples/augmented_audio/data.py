"""Tones: 64 samples of a note with an overtone, as a sound card gives them (unsigned, 8 bits, 8 kHz)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from examples.rows import Row, Split, split

LABEL = "note"
NOTES = (262.0, 330.0, 392.0, 523.0)  # hertz: a chord on C
CLASSES = len(NOTES)
_RATE, _SAMPLES, _SILENCE = 8000, 64, 128
_TONES = 2000
_SERVED = 0.4
_SEED = 440

Wave: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]


class Tone(NamedTuple):
    """64 values, of which 0 is silence, and the index of the note."""

    wave: Wave
    note: int


def read() -> Split[Tone]:
    """Tones of all notes, loud and soft, in all phases."""
    rng = np.random.default_rng(_SEED)
    return split([_tone(rng) for _ in range(_TONES)], _SERVED, _SEED)


def rows(tones: Sequence[Tone]) -> list[Row]:
    """Tones as the sound card gives them: `samples`, whole numbers from 0 to 255, and `note`."""
    return [{"samples": _recorded(wave), LABEL: [note]} for wave, note in tones]


def _tone(rng: np.random.Generator) -> Tone:
    note = int(rng.integers(len(NOTES)))
    turns = NOTES[note] * np.arange(_SAMPLES) / _RATE
    loud, bright = rng.uniform(10, 60), rng.uniform(0, 0.5)
    phase, other = rng.random(2)
    wave = np.sin(2 * np.pi * (turns + phase)) + bright * np.sin(2 * np.pi * (2 * turns + other))
    return Tone(loud * wave, note)


def _recorded(wave: Wave) -> list[int]:
    return [int(value) for value in np.clip(np.rint(_SILENCE + wave), 0, 255)]
