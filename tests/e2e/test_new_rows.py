"""Whatever is fitted on training's rows looks better on them: clean windows of new rows are no skew.

An analyzer of each kind; `make detection-quick` has all of them, more rows and more windows.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from benchmarks import detection_new_rows
from benchmarks.in_memory import Column
from trueserve.pipelines import cli

PREPROCESSING = """
import tensorflow_transform as tft

from benchmarks.new_rows_preprocessing import _dense


def preprocessing_fn(inputs):
    income, city = _dense(inputs["income"], 0.0), _dense(inputs["city"], "")
    ids = tft.compute_and_apply_vocabulary(inputs["words"], num_oov_buckets=1, vocab_filename="words")
    _, weights = tft.tfidf(ids, tft.get_num_buckets_for_transformed_feature(ids))
    return {
        "scale_to_0_1": tft.scale_to_0_1(income),
        "scale_to_z_score": tft.scale_to_z_score(income),
        "bucketize": tft.bucketize(income, 100),
        "vocabulary_threshold": tft.compute_and_apply_vocabulary(
            city, frequency_threshold=3, num_oov_buckets=3, vocab_filename="city"
        ),
        "tfidf_of_all_words": weights,
    }
"""
FITTED_ON_INCOME = {"scale_to_0_1", "scale_to_z_score", "bucketize"}
TRAINING_ROWS, WINDOWS = 10_000, 12


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("new_rows")
    (folder / "preprocessing.py").write_text(PREPROCESSING)
    flags = detection_new_rows.write_training(folder, 10, TRAINING_ROWS, folder / "preprocessing.py")
    assert cli.main(["prepare", *flags]) == 0
    return folder


def test_clean_windows_are_no_skew(prepared: Path) -> None:
    windows = [detection_new_rows.judge(str(prepared), 10, number) for number in range(WINDOWS)]
    # Chance makes one in 200 an error; what is flattered is one in most of them.
    errors = Counter(feature for window in windows for feature, _ in window.errors)
    assert all(count <= 1 for count in errors.values()), errors


def test_other_rows_are_found_all_the_same(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def moved(rows: int, random: np.random.Generator) -> dict[str, Column]:
        columns = drawn(rows, random)
        assert isinstance(columns["income"], np.ndarray)
        return {**columns, "income": columns["income"] * np.float32(1.5)}

    drawn = detection_new_rows.drawn
    monkeypatch.setattr(detection_new_rows, "drawn", moved)
    window = detection_new_rows.judge(str(prepared), 10, 0)
    assert {feature for feature, _ in window.errors} >= {"income", *FITTED_ON_INCOME}
