"""Models that cannot be replayed are refused before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support.replay_rows import save

from trueserve.pipelines.flags import replay as replay_flags
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.replay import reference_model


def test_models_that_cannot_be_replayed_are_refused_before_anything_runs(tmp_path: Path) -> None:
    model = save(tmp_path / "served" / "12", lambda x: {"y": x})
    reference_model.check(model)
    with pytest.raises(UsageError, match=r"name one of the versions in it, such as .*served/12"):
        reference_model.check(str(tmp_path / "served"))
    with pytest.raises(UsageError, match=r"is no SavedModel: it has no saved_model\.pb"):
        reference_model.check(str(tmp_path / "nowhere"))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "saved_model.pb").write_bytes(b"\xff\xff\xff")
    with pytest.raises(UsageError, match="does not parse as a SavedModel"):
        reference_model.check(str(tmp_path / "broken"))
    module = tf.Module()
    module.serve = tf.function(lambda x: {"y": x}, input_signature=[tf.TensorSpec([None], tf.float32)])
    tf.saved_model.save(module, str(tmp_path / "dense"), signatures={"serving_default": module.serve})
    with pytest.raises(UsageError, match=r"takes serialized tf\.Examples.*signatures: serving_default"):
        reference_model.check(str(tmp_path / "dense"))


def test_a_model_that_touches_more_than_itself_is_refused_unless_its_op_is_allowed(tmp_path: Path) -> None:
    """At the launch, before any worker loads it."""

    def serve(examples: Any) -> Any:
        tf.io.write_file(str(tmp_path / "marker"), "x")
        return {"x": tf.strings.length(examples)}

    module = tf.Module()
    traced = tf.function(serve).get_concrete_function(tf.TensorSpec([None], tf.string, name="examples"))
    model = str(tmp_path / "model")
    tf.saved_model.save(module, model, signatures={"serving_default": traced})
    with pytest.raises(UsageError, match=r"--replay: .*WriteFile .*--allow_ops=WriteFile"):
        replay_flags.check_model(model, [])
    replay_flags.check_model(model, ["WriteFile"])
    assert not (tmp_path / "marker").exists()
