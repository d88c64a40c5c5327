"""`trueserve adopt` on what a script of plain tf.Transform and TFDV leaves: no TFX, no folders of splits."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow_data_validation as tfdv
from support import e2e, logs, tfx

from trueserve.transforms.baseline.load import load_baseline


def test_a_graph_of_dense_inputs_takes_the_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [logs.example(**row) for row in map(_present, tfx.PLAIN_ROWS)]
    tfx.plain_graph(tmp_path)
    logs.write_records(tmp_path / "train.tfrecord", records)
    tfx.statistics(records, tmp_path / "stats.pb", None)
    schema = tfdv.infer_schema(tfdv.load_stats_binary(str(tmp_path / "stats.pb")), infer_feature_shape=False)
    tfdv.write_schema_text(schema, str(tmp_path / "schema.pbtxt"))
    given = [f"--schema={tmp_path}/schema.pbtxt", f"--statistics={tmp_path}/stats.pb", "--label=tips"]
    given += [f"--transform_output={tmp_path}/output", f"--baseline={tmp_path}/baseline"]
    for more in ([], [f"--examples={tmp_path}/train.tfrecord"]):
        run = e2e.run(capsys, "adopt", *given, *more)
        assert run.code == 0, run.err
    baseline = load_baseline(f"{tmp_path}/baseline")
    assert baseline.contract.transformed_features["north"] == ("place",)
    [dataset] = baseline.transformed_statistics.datasets
    means = {feature.path.step[0]: feature.num_stats.mean for feature in dataset.features}
    assert dataset.num_examples == len(tfx.PLAIN_ROWS)
    assert (means["fare_01"], means["north"], means["label"]) == pytest.approx((0.5, 29.5, 0.5))


def _present(row: e2e.Row) -> e2e.Row:
    values = {name: each if isinstance(each, list) else [each] for name, each in row.items()}
    return {name: each for name, each in values.items() if each}
