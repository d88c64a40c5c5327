"""tf.Transform's commonest mistakes: each names output, shape, feature and line before anything is run."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph import mistakes
from trueserve.transforms.graph.preprocessing import load_preprocessing

SCHEMA = text_format.Parse(
    "\n".join(
        f'feature {{ name: "{name}" type: {kind} value_count {{ min: 1 max: 1 }} }}'
        for name, kind in {"pay": "BYTES", "note": "BYTES", "x": "FLOAT", "k": "INT"}.items()
    ),
    schema_pb2.Schema(),
)
HEAD = """\
import numpy as np
import tensorflow as tf
import tensorflow_transform as tft
TABLE = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([1], tf.int64)), -1)
WEIGHT, OFFSET = tf.Variable(2.0), tf.constant(1.0)
def narrow(x):
    return tf.sparse.to_dense(tf.SparseTensor(x.indices, x.values, [x.dense_shape[0], 1]))
def wide(x):
    return tf.sparse.to_dense(x)
def preprocessing_fn(inputs):
"""
FIRST = HEAD.count("\n") + 1


def complaint(folder: Path, body: str, most_values: dict[str, int] | None = None) -> str:
    """What is said of the function with this body, without the file's name; empty for nothing."""
    file = folder / "features.py"
    file.write_text(HEAD + textwrap.indent(textwrap.dedent(body), "    "))
    try:
        mistakes.check(load_preprocessing(str(file)), SCHEMA, most_values)
    except UsageError as error:
        location, _, message = str(error).partition(str(file))
        return f"{location}{message}"
    return ""


@pytest.mark.parametrize(
    "body",
    [
        "return {'y': narrow(inputs['x'])}",
        "return {'y': inputs['x'], 'z': tf.sqrt(inputs['x'])}",
        "return {'y': tf.strings.split(narrow(inputs['note'])[:, 0])}",
        "return {'y': tf.reshape(wide(inputs['x']), [-1, 1]) * OFFSET}",
        "return {'y': tf.reduce_sum(wide(inputs['x']), axis=1)}",
        "return {'y': tft.scale_to_z_score(narrow(inputs['x'])), 'z': tft.bucketize(narrow(inputs['x']), 4)}",
        # What is tracked is saved; what is not used is left out.
        """
        tft.make_and_track_object(lambda: TABLE, name="t")
        return {"y": TABLE.lookup(narrow(inputs["pay"]))}
        """,
        # How wide this is, only the analysis can tell.
        """
        ids = tft.compute_and_apply_vocabulary(narrow(inputs['pay'])[:, 0], vocab_filename='pay')
        size = tf.cast(tft.experimental.get_vocabulary_size_by_name('pay'), tf.int32)
        return {'y': tf.one_hot(ids, size)}
        """,
        """
        table = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(["a"], tf.constant([1], tf.int64)), -1)
        return {'y': table.lookup(narrow(inputs['pay']))}
        """,
    ],
)
def test_what_is_right_passes(tmp_path: Path, body: str) -> None:
    assert complaint(tmp_path, body, {"x": 1, "note": 1, "pay": 1}) == ""


@pytest.mark.parametrize(
    ("body", "line", "expected"),
    [
        (
            "pay = tf.sparse.to_dense(inputs['pay'], '')\nreturn {'y': tf.strings.length(pay) > 1, 'z': pay}",
            1,
            r": the output 'y', of shape \[batch, \?\] \(made of 'pay'\), is of type bool; .*"
            r"return tf\.cast\(\.\.\., tf\.int64\)\. Something else is wrong with 'z'$",
        ),
        (
            "pay = tf.sparse.to_dense(inputs['pay'], '')\nreturn {'y': tf.strings.lower(pay), 'z': pay}",
            0,
            r": the output 'y' has shape \[batch, \?\] \(made of 'pay'\): tf\.sparse\.to_dense makes it"
            r" as wide as the widest row of each batch.* write tf\.sparse\.to_dense\(tf\.SparseTensor\("
            r".*Likewise 'z'$",
        ),
        (
            "out = {}\nfor key in ('x', 'k'):\n    out[key + '_xf'] = wide(inputs[key])\nreturn out",
            2,
            r" \(in wide, features\.py:9\): the output 'k_xf' has shape \[batch, \?\] \(made of 'k'\): "
            r".*'x_xf'$",
        ),
        (
            "words = tf.strings.split(narrow(inputs['note'])[:, 0])\nreturn {'y': words.to_tensor()}",
            1,
            r": the output 'y' has shape \[batch, \?\] \(made of 'note'\): to_tensor .*shape=\[None, WIDTH\]",
        ),
        (
            "return {'y': tf.tile(narrow(inputs['x']), [1, tf.size(inputs['x'].values)])}",
            0,
            r": the output 'y' has shape \[batch, \?\] \(made of 'x'\): Tile leaves a size unknown",
        ),
        (
            "return {'y': tft.mean(inputs['x'])}",
            0,
            r": the output 'y' has shape \[\].*: one value for all rows",
        ),
        (
            "return {'y': tf.constant([1.0, 2.0])}",
            0,
            r": the output 'y' has shape \[2\]: so many rows whatever",
        ),
        (
            "return {'y': tf.cast(inputs['x'], tf.float64)}",
            0,
            r": the output 'y'.* float64; .*tf\.float32\)$",
        ),
        ("return {}", None, r": preprocessing_fn returns no output"),
        ("pass", None, r": preprocessing_fn returns no output"),
        # Ops outside of the graph.
        (
            "x = wide(inputs['x'])\nreturn {'y': np.log(x)}",
            1,
            r": cannot be traced: NotImplementedError: .*'x'.*tf\.math",
        ),
        (
            "x = wide(inputs['x'])\nreturn {'y': x.numpy()}",
            1,
            r": cannot be traced: AttributeError: .*sees no values",
        ),
        (
            "x = wide(inputs['x'])\nreturn {'y': x if x[0, 0] > 0 else -x}",
            1,
            r": cannot be traced: .*tf\.where for if",
        ),
        (
            "return {'y': TABLE.lookup(narrow(inputs['pay']))}",
            0,
            r": TABLE is made outside of preprocessing_fn, and .* make it inside",
        ),
        ("return {'y': narrow(inputs['x']) * WEIGHT}", 0, r": WEIGHT is made outside of preprocessing_fn"),
        # A feature that rows may lack is sparse.
        (
            "x = inputs['x']\nreturn {'y': x + 1.0}",
            1,
            r": cannot be traced: TypeError: .*\(the line works on 'x'\); a feat",
        ),
        ("return {'y': tf.concat([inputs['x'], inputs['k']], 1)}", 0, r": cannot be traced: .*'k', 'x'"),
        (
            "return {'y': inputs['nope']}",
            0,
            r": cannot be traced: KeyError: 'nope'; the features are 'k', 'note', 'pay'",
        ),
        (
            "import nothing_like_this",
            0,
            r": cannot be traced: ModuleNotFoundError: .*install nothing_like_this",
        ),
    ],
)
def test_mistakes_are_named_with_their_line(
    tmp_path: Path, body: str, line: int | None, expected: str
) -> None:
    message = complaint(tmp_path, body)
    location = "" if line is None else f":{FIRST + line}"
    assert re.match(location + expected, message), message
    assert "\n" not in message


def test_a_width_that_rows_of_the_examples_exceed(tmp_path: Path) -> None:
    body = "x = inputs['x']\nreturn {'y': narrow(x)}"
    assert complaint(tmp_path, body, {"x": 1}) == complaint(tmp_path, body) == ""
    assert complaint(tmp_path, body, {"x": 3}).startswith(
        f":{FIRST + 1} (in narrow, features.py:7): 'x' is made dense with the width 1, and a row of the"
        " examples has 3 values; make it 3 wide"
    )


def test_a_width_of_what_nothing_uses_is_no_mistake(tmp_path: Path) -> None:
    """Helpers make all inputs dense, those too that the function does not return."""
    body = "multi = narrow(inputs['note'])\nreturn {'y': narrow(inputs['x'])}"
    assert complaint(tmp_path, body, {"note": 3, "x": 1}) == ""
    assert "'x' is made dense" in complaint(tmp_path, body, {"note": 1, "x": 3})
