"""The proof that a saved model gives what the baseline promises: on the probes, in a process of its own.

`transforms.serving.sandboxed_main` runs it there and gives it the folder of a SavedModel. The model's own
`assets.extra/probes.tfrecord` says what each request must give.
Nothing of the project's or of tf.Transform's is loaded there that a serving system would not have; packages
of further ops are, where the model does not load without.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trueserve.transforms.graph import op_libraries
from trueserve.transforms.serving.tolerance import (
    FEATURES,
    PREDICTIONS,
    OutputDifference,
    RaggedRows,
    compare_all,
)

ASSETS = "assets.extra"
PROBES = "probes.tfrecord"
RAW, TRANSFORMED, PREDICTION = "raw/", "transformed/", "prediction/"
# A feature of the probes that are no training rows.
SYNTHETIC = "made_up"

# So many probes are also asked one by one, as most requests are: a graph whose answer hangs on the other
# rows of its batch is not the same in serving.
SINGLES = 16


def check(folder: str) -> list[OutputDifference]:
    """Loads the SavedModel in `folder` and puts its probes to each signature.

    Raises ValueError where there is nothing to prove by: no probe, or none with what an output must be.
    """
    import tensorflow as tf

    probes = read_probes(str(Path(folder, ASSETS, PROBES)))
    model = op_libraries.load(folder)
    signatures = dict(model.signatures)
    transformed = rows_of(probes, TRANSFORMED)
    predicted = rows_of(probes, PREDICTION)
    examples = np.array([request(probe) for probe in probes], object)
    singles = min(SINGLES, len(probes))
    if not transformed or not predicted:
        known = f"{len(transformed)} features and {len(predicted)} outputs of {len(probes)} probes are known"
        raise ValueError(f"nothing to prove it by: {known}")
    differences = []
    for name, expected, tolerance in (
        ("transform_features", transformed, FEATURES),
        ("serving_default", predicted, PREDICTIONS),
    ):
        batches = [examples, *(examples[i : i + 1] for i in range(singles))]
        in_batch, *one_by_one = [
            columns(signatures[name](examples=tf.constant(b)), expected) for b in batches
        ]
        differences += compare_all(name, expected, in_batch, tolerance)
        head = {key: take(rows, range(singles)) for key, rows in expected.items()}
        differences += compare_all(f"{name}, one at a time", head, joined(one_by_one), tolerance)
    if "raw_tensors" in signatures:
        differences += _check_tensors(signatures["raw_tensors"], probes, predicted)
    return differences


def _check_tensors(
    function: Any, probes: Sequence[Any], predicted: Mapping[str, RaggedRows]
) -> list[OutputDifference]:
    import tensorflow as tf

    specs = {spec.name: spec for spec in function.structured_input_signature[1].values()}
    fit = [i for i, probe in enumerate(probes) if not says_missing(probe)]
    tensors = dense_tensors([probes[i] for i in fit], {n: (s.dtype, s.shape[1]) for n, s in specs.items()})
    got = columns(function(**{n: tf.constant(v, specs[n].dtype) for n, v in tensors.items()}), predicted)
    return compare_all(
        "raw_tensors", {name: take(rows, fit) for name, rows in predicted.items()}, got, PREDICTIONS
    )


def read_probes(path: str) -> list[Any]:
    """The tf.Examples of a probes file."""
    import tensorflow as tf

    return [tf.train.Example.FromString(r) for r in tf.data.TFRecordDataset(path).as_numpy_iterator()]


def part(probe: Any, prefix: str, names: Sequence[str] | None = None) -> Any:
    """A tf.Example of the features whose names begin with `prefix`, without it; of `names` alone if given."""
    result = type(probe)()
    for key, feature in sorted(probe.features.feature.items()):
        name = key.removeprefix(prefix)
        if name != key and (names is None or name in names):
            result.features.feature[name].CopyFrom(feature)
    return result


def request(probe: Any) -> bytes:
    """The probe's raw features as a request: a serialized tf.Example."""
    return bytes(part(probe, RAW).SerializeToString(deterministic=True))


def rows_of(probes: Sequence[Any], prefix: str) -> dict[str, RaggedRows]:
    """The values of all probes by name, for the features under `prefix`."""
    parts = [part(probe, prefix).features.feature for probe in probes]
    return {
        name: _rows([values_of(p[name]) for p in parts]) for name in sorted({n for p in parts for n in p})
    }


def dense_tensors(
    probes: Sequence[Any], specs: Mapping[str, tuple[Any, int | None]]
) -> dict[str, np.ndarray[Any, Any]]:
    """The inputs of `raw_tensors` for these probes, by `specs`: dtype and width (None: as is needed)."""
    lists = {n: [raw_values(p, n) for p in probes] for n in specs if not _is_present(n, specs)}
    tensors = {}
    for name, rows in lists.items():
        width = specs[name][1] or max([len(row) for row in rows], default=0)
        filled = np.full((len(rows), width), _missing(specs[name][0]), specs[name][0].as_numpy_dtype)
        present = np.zeros(filled.shape, bool)
        for i, row in enumerate(rows):
            filled[i, : len(row)], present[i, : len(row)] = row, True
        tensors[name] = filled
        if name + "/present" in specs:
            tensors[name + "/present"] = present
    return tensors


def _is_present(name: str, specs: Mapping[str, Any]) -> bool:
    return name.endswith("/present") and name.removesuffix("/present") in specs


def _missing(dtype: Any) -> Any:
    return np.nan if dtype.is_floating else 0 if dtype.is_integer else b""


def says_missing(probe: Any) -> bool:
    """Whether a raw value is NaN or empty: in a tensor that means that there is none."""
    for name, feature in probe.features.feature.items():
        values = values_of(feature) if name.startswith(RAW) else []
        if any(value == b"" or (isinstance(value, float) and math.isnan(value)) for value in values):
            return True
    return False


def raw_values(probe: Any, name: str) -> Any:
    """The values of a raw feature; none where the probe lacks it."""
    # Looking up would add it.
    return values_of(probe.features.feature[RAW + name]) if RAW + name in probe.features.feature else []


def values_of(feature: Any) -> Any:
    """The values of a tf.Example's feature, of whatever kind."""
    kind = feature.WhichOneof("kind")
    return getattr(feature, kind).value if kind else []


def _rows(lists: Sequence[Any]) -> RaggedRows:
    kinds = [row for row in lists if len(row)]
    values = [value for row in lists for value in row]
    if kinds and isinstance(kinds[0][0], bytes):
        return RaggedRows(np.array(values, object), _lengths(lists))
    dtype = np.int64 if kinds and isinstance(kinds[0][0], int) else np.float32
    return RaggedRows(np.array(values, dtype), _lengths(lists))


def _lengths(lists: Sequence[Any]) -> np.ndarray[Any, Any]:
    return np.array([len(row) for row in lists], np.int64)


def columns(outputs: Mapping[str, Any], expected: Mapping[str, RaggedRows]) -> dict[str, RaggedRows]:
    """The outputs of a signature as rows, under the names that the probes have for them."""
    arrays = {name: tensor.numpy() for name, tensor in _dense(outputs)}
    rows_by_name: dict[str, RaggedRows] = {}
    for name, array in arrays.items():
        base = name.removesuffix("/indices")
        if base != name and base + "/shape" in arrays:
            rows_by_name.update(_sparse_columns(base, arrays, expected))
        elif not _is_sparse_part(name, arrays):
            size = array.size // array.shape[0] if len(array) else 0
            rows_by_name[name] = RaggedRows(_stored(array.ravel()), np.full(len(array), size, np.int64))
    return rows_by_name


def _dense(outputs: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The outputs by name; a sparse or ragged one as three tensors, as `export` saves them."""
    import tensorflow as tf

    for name, value in outputs.items():
        if isinstance(value, tf.Tensor):
            yield name, value
            continue
        sparse = value.to_sparse() if isinstance(value, tf.RaggedTensor) else value
        for part in ("indices", "values"):
            yield f"{name}/{part}", getattr(sparse, part)
        yield f"{name}/shape", sparse.dense_shape


def _stored(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """As a tf.Example holds them: int64, float32 or bytes (bfloat16 is of NumPy's kind V)."""
    dtypes = {"b": np.int64, "i": np.int64, "u": np.int64, "f": np.float32, "V": np.float32}
    return values.astype(dtypes.get(values.dtype.kind, object))


def _is_sparse_part(name: str, arrays: Mapping[str, Any]) -> bool:
    base, _, last = name.rpartition("/")
    return last in ("values", "shape") and base + "/indices" in arrays


def _sparse_columns(
    name: str, arrays: Mapping[str, Any], expected: Mapping[str, RaggedRows]
) -> Iterator[tuple[str, RaggedRows]]:
    indices, values = arrays[name + "/indices"], arrays[name + "/values"]
    lengths = np.bincount(indices[:, 0], minlength=int(arrays[name + "/shape"][0])).astype(np.int64)
    # tf.Transform writes an output with indices of its own as several columns.
    if name + "$sparse_values" not in expected:
        yield name, RaggedRows(values, lengths)
        return
    yield name + "$sparse_values", RaggedRows(values, lengths)
    for axis in range(1, indices.shape[1]):
        yield f"{name}$sparse_indices_{axis - 1}", RaggedRows(indices[:, axis], lengths)


def take(rows: RaggedRows, indices: Sequence[int]) -> RaggedRows:
    """The values of some of the rows, in this order."""
    starts = np.concatenate([[0], np.cumsum(rows.lengths)])
    pieces = [rows.values[starts[i] : starts[i + 1]] for i in indices]
    return RaggedRows(np.concatenate([rows.values[:0], *pieces]), rows.lengths[list(indices)])


def joined(parts: Sequence[Mapping[str, RaggedRows]]) -> dict[str, RaggedRows]:
    """The rows of all parts, one after the other, under the names of the first."""
    names = parts[0] if parts else {}
    return {
        name: RaggedRows(
            np.concatenate([part[name].values for part in parts]),
            np.concatenate([part[name].lengths for part in parts]),
        )
        for name in names
    }


def prepare() -> None:
    """Loads TensorFlow, so that whoever started this can work meanwhile."""
    import tensorflow as tf

    assert tf.saved_model  # the API's lazy parts too


def answer(folder: str) -> list[dict[str, Any]]:
    """What differs in the SavedModel in this folder, as JSON has it."""
    return [dataclasses.asdict(difference) for difference in check(folder)]
