"""Writes TFRecords of tf.Examples for the benchmarks: `python benchmarks/make_examples.py ROWS OUTPUT`.

A row has 15 floats and 5 strings, or with `--features N` so many floats. Rows are drawn with a fixed seed;
the first 50,000 are repeated until there are enough.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from transforms.logs.tfrecord import frame

_DISTINCT_ROWS = 50_000
_WORDS = (5, 20, 300, 3000, 100)


def narrow_rows(count: int) -> list[bytes]:
    """Serialized examples of 15 floats and 5 strings, whose words are drawn by Zipf's law."""
    from tensorflow.core.example.example_pb2 import Example

    rng, rows = np.random.default_rng(0), []
    for _ in range(count):
        features = (example := Example()).features.feature
        for i in range(15):
            features[f"f{i:02}"].float_list.value.append(rng.normal() * (i + 1))
        for i, words in enumerate(_WORDS):
            features[f"s{i}"].bytes_list.value.append(b"w%d" % (rng.zipf(1.5) % words))
        rows.append(example.SerializeToString())
    return rows


def wide_rows(count: int, num_features: int) -> list[bytes]:
    """Serialized examples of that many floats."""
    from tensorflow.core.example.example_pb2 import Example

    rng, example = np.random.default_rng(0), Example()
    for i in range(num_features):
        example.features.feature[f"feature{i:04}"].float_list.value.append(-12345.678)
    pattern, value = example.SerializeToString(), np.float32(-12345.678).tobytes()
    places = [i for i in range(len(pattern)) if pattern.startswith(value, i)]
    at, rows = (np.array(places)[:, None] + np.arange(4)).ravel(), []
    for _ in range(count):
        row = np.frombuffer(pattern, np.uint8).copy()
        row[at] = rng.normal(size=len(places)).astype(np.float32).view(np.uint8)
        rows.append(row.tobytes())
    return rows


def main() -> None:
    """Writes the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("output", type=Path)
    parser.add_argument("--features", type=int)
    given = parser.parse_args()
    count = min(given.rows, _DISTINCT_ROWS if given.features is None else 3000)
    rows = narrow_rows(count) if given.features is None else wide_rows(count, given.features)
    framed = [frame(row) for row in rows]
    with given.output.open("wb") as file:
        for i in range(given.rows):
            file.write(framed[i % count])


if __name__ == "__main__":
    main()
