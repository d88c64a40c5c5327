"""Which limits hold, whose names they may have, and what `--only` may name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from support import hand_made_models, past_windows

from trueserve.pipelines.feature_limits import check_only, load_thresholds
from trueserve.transforms.baseline import layout
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.thresholds import Thresholds

OF_STOPS = "format = 1\n[raw.stops]\ndistribution = 0.5\n"
OF_STRANGER = "format = 1\n[raw.stop]\ndistribution = 0.5\n"


@pytest.fixture
def baseline(tmp_path: Path) -> Baseline:
    (tmp_path / "baseline").mkdir()
    return dataclasses.replace(
        hand_made_models.baseline(tmp_path / "baseline"),
        schema=past_windows.schema(),
        statistics=past_windows.statistics(10, 5),
        transformed_schema=past_windows.schema(),
        transformed_statistics=past_windows.statistics(10, 5),
    )


def test_without_a_file_there_are_no_limits(baseline: Baseline) -> None:
    assert load_thresholds(None, None) == load_thresholds(None, baseline) == Thresholds()


def test_the_file_in_the_baselines_folder_holds(baseline: Baseline) -> None:
    Path(baseline.path, layout.THRESHOLDS).write_text(OF_STOPS)
    assert list(load_thresholds(None, baseline).features) == [(Space.RAW, "stops")]


def test_a_given_file_takes_its_place(baseline: Baseline, tmp_path: Path) -> None:
    Path(baseline.path, layout.THRESHOLDS).write_text(OF_STRANGER)
    (tmp_path / "mine.toml").write_text(OF_STOPS)
    for of_baseline in (baseline, None):
        assert list(load_thresholds(str(tmp_path / "mine.toml"), of_baseline).features) == [
            (Space.RAW, "stops")
        ]


def test_the_baselines_own_file_must_name_its_features(baseline: Baseline) -> None:
    file = Path(baseline.path, layout.THRESHOLDS)
    file.write_text(OF_STRANGER)
    with pytest.raises(UsageError, match="names feature 'stop', which the baseline does not have") as caught:
        load_thresholds(None, baseline)
    assert str(file) in str(caught.value)
    file.write_text(OF_STRANGER.replace("raw.stop", "transformed.stop"))
    with pytest.raises(UsageError, match="did you mean stops"):
        load_thresholds(None, baseline)


def test_a_model_may_have_any_predictions(baseline: Baseline) -> None:
    Path(baseline.path, layout.THRESHOLDS).write_text(OF_STRANGER.replace("raw.", "prediction."))
    assert list(load_thresholds(None, baseline).features) == [(Space.PREDICTION, "stop")]


def test_raw_features_that_are_not_compared_may_have_limits(baseline: Baseline) -> None:
    contract = dataclasses.replace(baseline.contract, raw_features=("late",))
    Path(baseline.path, layout.THRESHOLDS).write_text(OF_STOPS.replace("stops", "late"))
    limits = load_thresholds(None, dataclasses.replace(baseline, contract=contract))
    assert list(limits.features) == [(Space.RAW, "late")]


def test_a_missing_file_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"absent\.toml"):
        load_thresholds(str(tmp_path / "absent.toml"), None)


def test_only_names_a_compared_feature_or_a_source_of_one() -> None:
    reference = dataclasses.replace(past_windows.reference(), raw_features={"carrier": ("airline",)})
    assert check_only(["stops", "airline"], [reference]) == {"stops", "airline"}
    with pytest.raises(UsageError, match="no compared feature has the name stop; did you mean stops"):
        check_only(["stop"], [reference])
    with pytest.raises(UsageError, match=r"has the name zzzz$"):
        check_only(["zzzz"], [reference])
