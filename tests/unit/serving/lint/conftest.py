"""What the tests of the lint share."""

from __future__ import annotations

import pytest
import tensorflow as tf


@pytest.fixture(autouse=True)
def no_global_seed() -> None:
    """Other tests train models with TensorFlow's global seed, which would seed the graphs made here, too."""
    tf.random.set_seed(None)
