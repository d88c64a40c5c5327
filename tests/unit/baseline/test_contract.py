"""The contract: what it holds, and how it is read again."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
import platform
import shutil
from pathlib import Path

import pytest
import tensorflow as tf
from support import baseline as support

from trueserve.transforms.baseline import contract as contracts
from trueserve.transforms.baseline.contract import Contract


def make(transform_output: str) -> Contract:
    return contracts.make_contract(
        transform_output,
        preprocessing_source="abc",
        num_examples=4,
        label="late",
        raw_features=["distance", "late"],
        transformed_features={"ratio": ["delay", "distance"]},
    )


def test_it_survives_json() -> None:
    contract = make(support.transform_output())
    assert Contract.from_json(json.loads(contract.to_bytes())) == contract


def test_what_was_adopted_and_what_lacks_survive_json_and_may_be_absent() -> None:
    contract = dataclasses.replace(
        make(support.transform_output()), adopted={"schema": "5c"}, lacks={"sample": "no slices"}
    )
    values = json.loads(contract.to_bytes())
    assert Contract.from_json(values) == contract
    del values["adopted"], values["lacks"]  # as an older release wrote it
    older = Contract.from_json(values)
    assert (older.adopted, older.lacks) == ({}, {})


def test_it_says_when_with_what_and_of_what_it_was_made() -> None:
    contract = make(support.transform_output())
    created = dt.datetime.fromisoformat(contract.created)
    assert created.utcoffset() == dt.timedelta(0)
    assert abs(dt.datetime.now(dt.UTC) - created) < dt.timedelta(minutes=5)
    assert contract.versions["python"] == platform.python_version()
    assert contract.versions["tensorflow"] == tf.__version__
    assert {"tensorflow_transform", "tensorflow_data_validation", "apache_beam"} <= contract.versions.keys()
    vocabulary = Path(support.transform_output(), "transform_fn/assets/carrier")
    assert vocabulary.read_text() == "AA\nUA\n"
    assert contract.digests.assets == {"carrier": hashlib.sha256(vocabulary.read_bytes()).hexdigest()}


def test_the_graphs_digest_tells_another_vocabulary_but_no_other_place(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(support.transform_output(), copy)
    digest = contracts.digest_graph(support.transform_output())
    (copy / "transform_fn/fingerprint.pb").write_bytes(b"of another save")
    assert contracts.digest_graph(str(copy)) == digest
    (copy / "transform_fn/assets/carrier").write_text("UA\nAA\n")
    assert contracts.digest_graph(str(copy)) != digest


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda values: values.pop("versions"), "'versions' is missing"),
        (lambda values: values.update(digests={"graph": "x"}), "missing 2 required"),
        (lambda values: values.update(transformed_features=[]), "items"),
    ],
)
def test_a_contract_that_lacks_something_is_a_value_error(change: object, message: str) -> None:
    values = make(support.transform_output()).to_json()
    assert callable(change)
    change(values)
    with pytest.raises(ValueError, match=message):
        Contract.from_json(values)


def test_groups_and_repeated_rows_survive_json_and_may_be_absent() -> None:
    repeats = {"features": "ab", "rows": 2, "single": 2, "repeated": [], "most_others": 1}
    contract = dataclasses.replace(
        make(support.transform_output()), group_by="user", repeats=repeats, looked_up={"id": ("word",)}
    )
    values = json.loads(contract.to_bytes())
    assert Contract.from_json(values) == contract
    assert "repeats" not in contract.to_verdict()
    del values["group_by"], values["repeats"], values["looked_up"]  # as an older release wrote it
    older = Contract.from_json(values)
    assert (older.group_by, older.repeats, older.looked_up) == (None, {}, {})
