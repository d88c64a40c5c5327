"""`trueserve prepare`, end to end: what is in the baseline, against an answer worked out in memory."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import platform
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from support import e2e
from support.homes import NUM_TRAINING, Home
from support.prepared import (
    LABEL_OUTPUTS,
    RAW,
    RAW_OF,
    multiset,
    statistics,
    with_label_outputs,
    written_examples,
)

from trueserve.transforms.baseline.load import Baseline, load_baseline
from trueserve.transforms.baseline.probes import NUM_PROBES, read_probes
from trueserve.transforms.graph.transform_graph import TransformGraph


@pytest.fixture(scope="module")
def loaded(home: Home) -> Baseline:
    return load_baseline(home.baseline)


@pytest.fixture(scope="module")
def transformed(home: Home) -> list[e2e.Row]:
    """All training rows, transformed: the graph's word for requests, our own for the label's outputs."""
    return with_label_outputs(e2e.transformed(home.baseline, home.training), home.training)


def test_raw_statistics_are_those_counted_in_memory(home: Home) -> None:
    e2e.check_statistics(statistics(Path(home.baseline), "stats.binpb"), home.training, RAW)


def test_transformed_statistics_are_those_counted_in_memory(home: Home, transformed: list[e2e.Row]) -> None:
    computed = statistics(Path(home.baseline), "transformed_stats.binpb")
    e2e.check_statistics(computed, transformed, RAW_OF)


def test_transformed_examples_are_what_the_graph_makes_of_requests(
    home: Home, transformed: list[e2e.Row]
) -> None:
    assert multiset(written_examples(Path(home.baseline))) == multiset(transformed)


def test_the_graph_computes_what_the_preprocessing_says(home: Home, transformed: list[e2e.Row]) -> None:
    distance = np.array([row["distance"][0] for row in home.training])
    z = np.array([row["distance_z"][0] for row in transformed])
    np.testing.assert_allclose(z, (distance - distance.mean()) / distance.std(), atol=1e-4)
    carriers = Counter(row["carrier"][0] for row in home.training)
    rank = {carrier: number for number, (carrier, _) in enumerate(carriers.most_common())}
    assert [row["carrier_id"] for row in transformed] == [[rank[row["carrier"][0]]] for row in home.training]
    assert [row["delay_filled"] for row in transformed] == [row.get("delay", [-1.0]) for row in home.training]
    assert [len(row.get("tag_ids", [])) for row in transformed] == [
        len(row.get("tags", [])) for row in home.training
    ]
    assert Counter(row["hour_bucket"][0] for row in transformed).keys() == {0, 1, 2, 3}


def test_the_label_is_in_training_and_not_in_serving(loaded: Baseline) -> None:
    for made, absent in ((loaded.schema, {"late"}), (loaded.transformed_schema, LABEL_OUTPUTS)):
        assert list(made.default_environment) == ["TRAINING", "SERVING"]
        assert {f.name for f in made.feature if "SERVING" in f.not_in_environment} == absent
        assert not any(f.not_in_environment for f in made.feature if f.name not in absent)


def test_comparators_fit_the_kind_of_feature(loaded: Baseline) -> None:
    comparators = {
        f.name: [field.name for field, _ in f.skew_comparator.ListFields()]
        for made in (loaded.schema, loaded.transformed_schema)
        for f in made.feature
    }
    numbers = {"distance", "delay", "hour", "stops", "distance_z", "delay_filled", "stops_filled"}
    categories = {"carrier", "tags", "carrier_id", "tag_ids", "hour_bucket"}
    jsd, linf = ["jensen_shannon_divergence"], ["infinity_norm"]
    assert comparators == {
        **dict.fromkeys(numbers, jsd),
        **dict.fromkeys(categories, linf),
        **{name: [] for name in ("late", *LABEL_OUTPUTS)},
    }


def test_the_contract_says_what_the_baseline_is(home: Home, loaded: Baseline) -> None:
    contract = json.loads((Path(home.baseline) / "contract.json").read_text())
    assets = Path(home.baseline) / "transform_output" / "transform_fn" / "assets"
    assert (contract["num_examples"], contract["label"]) == (NUM_TRAINING, "late")
    assert set(contract["raw_features"]) == RAW
    assert contract["transformed_features"] == RAW_OF
    assert contract["digests"]["preprocessing_source"] == sha256(Path(home.preprocessing))
    assert contract["digests"]["assets"] == {name: sha256(assets / name) for name in ("carriers", "tags")}
    assert contract["versions"]["python"] == platform.python_version()
    assert {"tensorflow", "tensorflow_transform", "apache_beam"} <= contract["versions"].keys()
    created = dt.datetime.fromisoformat(contract["created"])
    assert created.utcoffset() == dt.timedelta(0)
    assert abs(dt.datetime.now(dt.UTC) - created) < dt.timedelta(hours=1)


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_probes_are_training_rows_and_what_the_graph_made_of_them(home: Home, loaded: Baseline) -> None:
    raw, outputs = read_probes(loaded.probes)
    # The made-up ones come last; tests/unit/baseline/test_probes.py looks at those.
    assert raw.num_rows == outputs.num_rows > NUM_PROBES == 500
    rows = [{name: v for name, v in row.items() if v is not None} for row in raw.to_pylist()][:NUM_PROBES]
    assert not multiset(rows) - multiset(home.training)
    assert outputs.to_pylist() == TransformGraph(loaded.transform_output).apply(raw).to_pylist()
    # A sample of all files, not the first rows that came.
    first_file = multiset(home.training[:8_700])
    assert multiset(rows) - first_file
    assert multiset(rows) - multiset(home.training[:500])
