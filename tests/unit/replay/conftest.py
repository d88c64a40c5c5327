"""What the tests of the replay share."""

from __future__ import annotations

import pytest
import tensorflow as tf
from support.replay_rows import save

from trueserve.transforms.replay.reference_model import ReferenceModel


@pytest.fixture(scope="session")
def double(tmp_path_factory: pytest.TempPathFactory) -> ReferenceModel:
    folder = tmp_path_factory.mktemp("double")
    return ReferenceModel(save(folder, lambda x: {"y": tf.stack([x, 2 * x], axis=1)}))
