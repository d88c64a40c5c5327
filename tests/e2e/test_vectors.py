"""Embeddings and images by position: clean windows are ok, another encoder is skew, and named."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import e2e
from support.logs import example

from benchmarks import data
from benchmarks import detection_vectors as windows
from trueserve.pipelines import cli

Array = np.ndarray[Any, Any]

PREPROCESSING = """
import tensorflow as tf

def preprocessing_fn(inputs):
    embedding, image = inputs["embedding"], inputs["image"]
    rows = embedding.dense_shape[0]
    dense = tf.sparse.to_dense(tf.SparseTensor(embedding.indices, embedding.values, [rows, 32]))
    return {"normed": dense / 4, "light": tf.reshape(tf.sparse.reduce_sum(image, 1), [-1])}
"""


def rows_of(count: int, seed: int) -> tuple[Array, Array]:
    random = np.random.default_rng(seed)
    return windows.embedding(1)(count, random), windows.images(1)(count, random)


def examples(embeddings: Array, images: Array) -> list[bytes]:
    both = zip(embeddings.tolist(), images.tolist(), strict=True)
    return [example(embedding=embedding, image=image) for embedding, image in both]


@pytest.fixture(scope="module")
def baseline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("vectors")
    rows = examples(*rows_of(4000, 1))
    data.write_records(rows, len(rows), folder / "training")
    (folder / "preprocessing.py").write_text(PREPROCESSING)
    flags = (f"--examples={folder / 'training'}", f"--preprocessing={folder / 'preprocessing.py'}")
    assert cli.main(["prepare", *flags, f"--baseline={folder / 'baseline'}"]) == 0
    return folder / "baseline"


def validated(
    baseline: Path, folder: Path, capsys: pytest.CaptureFixture[str], change: Callable[[Array, Array], Any]
) -> dict[str, Any]:
    """The verdict of 1,000 logged requests, changed."""
    rows = examples(*change(*rows_of(1000, 2)))
    data.write_records(data.request_logs(rows, 1), len(rows), folder / "log")
    code = e2e.validate(capsys, baseline, str(folder / "log"), folder / "output").code
    document = e2e.verdict(folder / "output")
    assert code == document["exit_code"]
    return document


def _dead(embeddings: Array, images: Array) -> tuple[Array, Array]:
    embeddings[:, 7] = 0
    return embeddings, images


def test_prepare_names_the_vectors(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = examples(*rows_of(300, 1))
    data.write_records(rows, len(rows), tmp_path / "training")
    (tmp_path / "preprocessing.py").write_text(PREPROCESSING)
    flags = (f"--examples={tmp_path / 'training'}", f"--preprocessing={tmp_path / 'preprocessing.py'}")
    assert cli.main(["prepare", *flags, f"--baseline={tmp_path / 'baseline'}"]) == 0
    lines = capsys.readouterr()
    text = lines.out + lines.err
    assert "raw lists of one length are compared position by position: embedding (32), image (192)" in text
    assert "transformed lists of one length are compared position by position: normed (32)" in text


def test_a_clean_window_is_ok(baseline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    document = validated(baseline, tmp_path, capsys, lambda embeddings, images: (embeddings, images))
    assert document["verdict"] == "ok"


@pytest.mark.parametrize(
    ("change", "features", "message"),
    [
        (
            lambda e, i: (windows.permuted(e, np.random.default_rng(5)), i),
            {("raw", "embedding"), ("transformed", "normed")},
            r"the positions are training's in another order .* of 32 positions differ",
        ),
        (
            lambda e, i: (windows.rotated(e, np.random.default_rng(5)), i),
            {("raw", "embedding"), ("transformed", "normed")},
            r"rotated or mixed.* of 32 positions differ",
        ),
        (
            _dead,
            {("raw", "embedding"), ("transformed", "normed")},
            r"position 7 is always 0 in serving.* 1 of 32 positions differ \(7\)",
        ),
        (
            lambda e, i: (e, windows.channels_first(i, np.random.default_rng(5))),
            {("raw", "image")},
            r"the image \(8 x 8 x 3\) has its channels first, training .* of 192 positions differ",
        ),
    ],
    ids=["permuted", "rotated", "dead", "channels first"],
)
def test_another_encoder_is_skew_and_named(
    baseline: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    change: Callable[[Array, Array], Any],
    features: set[tuple[str, str]],
    message: str,
) -> None:
    document = validated(baseline, tmp_path, capsys, change)
    assert document["verdict"] == "skew"
    assert e2e.errors(document) == features
    errors = [finding for finding in document["findings"] if finding["severity"] == "error"]
    assert len(errors) == len(features)
    for finding in errors:
        assert re.search(message, finding["message"]), finding["message"]
