"""What goes wrong with noise: it is in one of training and serving, and not in the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from examples.augmented_audio.data import Tone, rows
from examples.rows import Row

# The standard deviation, that of the tones themselves.
LOUDNESS = 28.0
_SEED = 441


def noisy(tones: Sequence[Tone]) -> list[Row]:
    """Noise on every recording: a bad microphone, or an augmentation in the wrong place."""
    rng = np.random.default_rng(_SEED)
    return rows([Tone(wave + rng.normal(0, LOUDNESS, len(wave)), note) for wave, note in tones])


def noise_in_the_graph(features: Mapping[str, Any]) -> dict[str, Any]:
    """The augmentation of training was left in the serving code."""
    samples = features["samples"]
    noise = tf.round(tf.random.normal(tf.shape(samples.values), stddev=LOUDNESS))
    return {**features, "samples": samples.with_values(samples.values + tf.cast(noise, samples.dtype))}
