"""What incidents did to the predictions: training put back, the model asked, and the change shared out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pytest

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.performance import attribution, harm, restoring
from trueserve.transforms.performance.restoring import Restored

TEXT, FLOAT, INT = (pa.large_list(kind) for kind in (pa.large_binary(), pa.float32(), pa.int64()))
ROWS = 2000


def batch(**columns: tuple[Any, Any]) -> pa.RecordBatch:
    """Columns of single values, by name: the values, None for a missing one, and the type of the lists."""
    arrays = [column(values, kind) for values, kind in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def column(values: Any, kind: pa.DataType) -> pa.Array:
    return pa.array([None if value is None else [value] for value in values], kind)


def plain(column: pa.Array) -> list[Any]:
    return [row[0] if row else None for row in column.to_pylist()]


def rows(seed: int, scale: float = 1.0) -> pa.RecordBatch:
    """`city` goes with `x`, and `y` with both."""
    random = np.random.default_rng(seed)
    x = random.exponential(2, ROWS)
    cities = np.where(x > 1.4, "Far", "Near")
    y = x * 3 + random.normal(0, 0.1, ROWS)
    return batch(
        x=((x * scale).tolist(), FLOAT), city=([c.encode() for c in cities], TEXT), y=(y.tolist(), FLOAT)
    )


def replaced(of: pa.RecordBatch, name: str, values: Any, kind: pa.DataType) -> pa.RecordBatch:
    columns = dict(zip(of.schema.names, of.columns, strict=True)) | {name: column(values, kind)}
    return pa.RecordBatch.from_arrays(list(columns.values()), names=list(columns))


def restored_one(
    served: pa.RecordBatch, training: pa.RecordBatch, name: str, categories: Collection[str] = ()
) -> pa.Array:
    return restoring.restored(served, training, {"a": [name]}, categories)["a"].columns[name]


def test_shares_of_groups_add_up_and_an_interaction_is_split() -> None:
    served, before = {"a": 3.0, "b": 5.0, "c": 1.0}, 0.0

    def value(there: frozenset[str]) -> Any:
        a, b, c = (served[name] if name in there else before for name in "abc")
        return np.array(a * b + c)

    values = {subset: value(subset) for subset in attribution.subsets(list("abc"))}
    shares = {name: float(share) for name, share in attribution.shapley(list("abc"), values).items()}

    assert shares == pytest.approx({"a": 7.5, "b": 7.5, "c": 1})
    with pytest.raises(ValueError, match="at most 6"):
        attribution.subsets(range(7))


def test_training_is_put_back_quantile_by_quantile() -> None:
    random = np.random.default_rng(8)
    training, served = random.exponential(2, 50_000), random.normal(40, 5, 10_000)

    back = restoring.put_back_number(served, training)

    assert np.array_equal(np.argsort(back, kind="stable"), np.argsort(served, kind="stable"))
    assert np.quantile(back, [0.1, 0.5, 0.9]) == pytest.approx(
        np.quantile(training, [0.1, 0.5, 0.9]), rel=0.03
    )


def test_another_unit_is_undone() -> None:
    true, served = rows(1), rows(1, scale=1.609)

    back = restored_one(served, rows(2), "x", ())

    assert back.type == FLOAT
    assert np.array(plain(back)) == pytest.approx(np.array(plain(true.column(0))), abs=0.6, rel=0.12)


def test_another_spelling_is_undone_exactly() -> None:
    true = rows(1)
    served = replaced(true, "city", [text.lower() + b" " for text in plain(true.column(1))], TEXT)

    back = restored_one(served, rows(2), "city", ())

    assert plain(back) == plain(true.column(1))


@pytest.mark.parametrize("wrong", [None, b"unknown", b"far"])
def test_a_text_that_says_nothing_is_that_of_similar_rows(wrong: bytes | None) -> None:
    true = rows(1)
    served = replaced(true, "city", [wrong] * ROWS, TEXT)

    back = plain(restored_one(served, rows(2), "city", ()))

    assert np.mean([a == b for a, b in zip(back, plain(true.column(1)), strict=True)]) > 0.98


@pytest.mark.parametrize("wrong", [None, 0.0, float("nan")])
def test_numbers_that_are_missing_or_a_default_are_those_of_similar_rows(wrong: float | None) -> None:
    true, random = rows(1), np.random.default_rng(3)
    x = np.array(plain(true.column(0)))
    lost = random.random(ROWS) < 0.4
    served = replaced(
        true, "x", [wrong if gone else v for gone, v in zip(lost, x.tolist(), strict=True)], FLOAT
    )

    back = np.array(plain(restored_one(served, rows(2), "x", ())), float)

    assert np.corrcoef(back[lost], x[lost])[0, 1] > 0.98
    assert back[~lost] == pytest.approx(x[~lost], abs=0.7, rel=0.15)


def test_a_feature_that_no_row_has_is_that_of_similar_rows() -> None:
    true = rows(1)
    served = pa.RecordBatch.from_arrays(true.columns[1:], names=["city", "y"])

    back = np.array(plain(restored_one(served, rows(2), "x", ())), float)

    assert np.corrcoef(back, np.array(plain(true.column(0))))[0, 1] > 0.98


def test_ids_and_whole_numbers_stay_what_training_has() -> None:
    random = np.random.default_rng(5)
    training = batch(i=(random.choice([3, 700], ROWS).tolist(), INT))
    served = batch(i=(random.choice([4, 9], 500).tolist(), INT))
    for categories in ((), ("i",)):
        back = restored_one(served, training, "i", categories)
        assert back.type == INT
        if categories:
            assert np.mean(np.array(plain(back)) == 3) == pytest.approx(0.5, abs=0.1)
    assert restoring.restored(served, batch(z=([1], INT)), {"a": ["i"]}, ())["a"].columns == {}


def _ask(of: pa.RecordBatch) -> Any:
    """2 x + 1 for Far, as a model of one output."""
    x = np.array(plain(of.column("x")), float)
    return (2 * x + (np.array(plain(of.column("city"))) == b"Far"))[:, None]


def test_each_incident_has_its_own_effect() -> None:
    true = rows(1)
    served = replaced(rows(1, scale=1.5), "city", [b.lower() for b in plain(true.column(1))], TEXT)
    names = {"unit": ["x"], "spelling": ["city"]}
    restored = restoring.restored(served, rows(2), names, ())

    measured = harm.effects(served, restored, _ask)

    x = np.array(plain(true.column(0)))
    assert measured["unit"].change == pytest.approx(x.mean(), rel=0.1)
    far = np.mean(np.array(plain(true.column(1))) == b"Far")
    assert measured["spelling"].change == pytest.approx(-far, abs=0.01)
    total = _ask(served).mean() - sum(each.change for each in measured.values())
    without = _ask(replaced(served, "x", plain(restored["unit"].columns["x"]), FLOAT)).mean()
    assert total == pytest.approx(without + far, abs=0.02)
    assert all(each.is_sure and each.rows == ROWS and each.metrics == {} for each in measured.values())


def test_metrics_are_shared_out_and_those_that_are_not_defined_are_left_out() -> None:
    served = rows(1, scale=2)
    restored = {"unit": Restored({"x": rows(1).column(0)})}

    measured = harm.effects(served, restored, _ask, lambda answers, _: {"mae": answers.mean(), "auc": None})

    change, as_served = measured["unit"].metrics["mae"]
    assert (change, as_served) == pytest.approx((measured["unit"].change, _ask(served).mean()))
    assert list(measured["unit"].metrics) == ["mae"]


def test_what_moves_nothing_is_not_sure_and_too_few_answers_are_none() -> None:
    served = rows(1)
    restored = {"same": Restored({"y": rows(2).column(2)})}

    same = harm.effects(served, restored, _ask)["same"]
    assert (same.change, same.row_change, same.is_sure) == (0, 0, False)

    def refuses(of: pa.RecordBatch) -> Any:
        values = _ask(of)
        values[harm.LEAST_ROWS - 1 :] = np.nan
        return values

    assert harm.effects(served, restored, refuses) == {}


def test_another_sample_of_the_same_rows_has_no_sure_effect() -> None:
    training = rows(2)
    sure = []
    for seed in range(10, 20):
        served = rows(seed)
        sure.append(
            harm.effects(served, restoring.restored(served, training, {"a": ["x"]}, ()), _ask)["a"].is_sure
        )
    assert not any(sure)


def test_labels_follow_the_rows_without_faults_and_with_what_moved_them() -> None:
    served = replaced(rows(1, scale=2), "city", [b.lower() for b in plain(rows(1).column(1))], TEXT)
    restored = restoring.restored(served, rows(2), {"fault": ["city"], "season": ["x"]}, ())
    pairs: list[tuple[float, float]] = []

    def metrics(answers: Any, mended: Any) -> dict[str, float | None]:
        pairs.append((float(answers.mean()), float(mended.mean())))
        return {"mae": 0.0}

    harm.effects(served, restored, _ask, metrics, faults=["fault"])

    without, fault, season, both = pairs
    assert without[0] == without[1]
    assert (fault[1], season[1], both[1]) == (without[0], season[0], season[0])
