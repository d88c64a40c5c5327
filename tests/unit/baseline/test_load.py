"""Contracts and schemas that cannot be used: one line for each."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import load
from trueserve.transforms.baseline.contents import Contents, FileDigest
from trueserve.transforms.baseline.contract import FORMAT_VERSION, SEAL, Contract, Digests
from trueserve.transforms.baseline.load import Baseline
from trueserve.transforms.core.errors import UsageError

AGAIN = "run trueserve prepare or adopt again"


def refusal(call: Any, *arguments: Any) -> str:
    with pytest.raises(UsageError) as error:
        call(*arguments)
    return str(error.value)


def contract(**files: FileDigest) -> Contract:
    return Contract("now", Digests("", "", {}), {}, 10, None, ("x",), {}, files=files)


def parse(values: Any) -> str:
    return refusal(load._parse_contract, "/base", json.dumps(values).encode())


def test_a_contract_that_is_none() -> None:
    message = refusal(load._parse_contract, "/base", b"{")
    assert message.startswith("/base/contract.json is no contract: ")
    assert message.endswith(f"; {AGAIN}")
    deep = refusal(load._parse_contract, "/base", b"[" * 100_000)
    assert deep.startswith("/base/contract.json is no contract: ")
    lacking = parse({"format_version": FORMAT_VERSION})
    assert lacking.startswith("/base/contract.json is no contract: ")


@pytest.mark.parametrize(("values", "version"), [({"format_version": 99}, 99), ([], None), ({}, None)])
def test_a_contract_of_another_format(values: Any, version: int | None) -> None:
    assert parse(values) == (
        f"the baseline /base has format version {version}; expected {FORMAT_VERSION}; {AGAIN}"
    )


def test_a_contract_of_an_older_release_has_no_digests() -> None:
    assert parse(contract().to_json()) == (
        "the baseline /base was made by an older trueserve: contract.json has no digests of its files;"
        f" {AGAIN}"
    )


def test_a_contract_whose_seal_is_broken_is_damaged() -> None:
    damaged = f"the baseline /base is damaged: contract.json is not as it was written; {AGAIN}"
    files = contract(a=FileDigest(1, "0")).to_json()
    assert parse(files) == damaged
    assert parse({**contract().to_json(), SEAL: "0"}) == damaged
    assert parse({**files, SEAL: "0"}) == damaged


def test_a_sealed_contract_names_what_every_baseline_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(load, "is_sealed", lambda _: True)
    names = dict.fromkeys(load._NEEDED, FileDigest(1, "0"))
    values = contract(**names).to_json()
    assert load._parse_contract("/base", json.dumps(values).encode()).files == names
    del values["files"]["stats.binpb"]
    assert parse(values) == f"the baseline /base is incomplete: stats.binpb is missing; {AGAIN}"


def baseline(*names: str, edited: bool = True) -> Baseline:
    statistics = statistics_pb2.DatasetFeatureStatisticsList()
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name=name) for name in names])
    made = Baseline(
        "/base", schema, statistics, schema, statistics, contract(), Contents("/base", {}), b"", "id"
    )
    return dataclasses.replace(made, schema_edited=edited)


def test_an_edited_schema_has_features_of_training_alone() -> None:
    load._check_schema(baseline("x"))
    assert refusal(load._check_schema, baseline()) == (
        "the schema /base/schema.pbtxt has no feature; restore it from a copy, or run trueserve prepare or"
        " adopt again"
    )
    assert refusal(load._check_schema, baseline("x", "y")) == (
        "/base/schema.pbtxt names feature 'y', which the baseline does not have"
    )
    load._check_schema(baseline("y", edited=False))
    load._check_schema(baseline(edited=False))


def test_names_that_are_none_come_with_close_ones() -> None:
    known = ["distance", "instance", "delay", "distances"]
    load.check_names(["delay"], known, "f")
    assert refusal(load.check_names, ["delay", "distanse"], known, "f") == (
        "f names feature 'distanse', which the baseline does not have; did you mean distance or distances or"
        " instance?"
    )
    assert "names feature '" + "x" * 80 + "'," in refusal(load.check_names, ["x" * 81], known, "f")
    assert "'a\\\\u202e'" in refusal(load.check_names, ["a\u202e"], known, "f")


def test_a_baseline_that_is_replaced_while_it_is_read_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    contracts = iter([b"1", b"2", b"2", b"3", b"3", b"4"])
    monkeypatch.setattr(load, "_contract_of", lambda _: (next(contracts), "/base"))
    read: list[bytes] = []

    def fail(_folder: str, data: bytes, _with_graph: bool) -> Baseline:
        read.append(data)
        raise UsageError("of two baselines")

    monkeypatch.setattr(load, "_load", fail)
    assert refusal(load.load_baseline, "/base") == (
        "the baseline /base is replaced again and again; wait until trueserve prepare is done"
    )
    assert read == [b"1", b"2", b"3"]
    contracts = iter([b"1", b"1"])
    assert refusal(load.load_baseline, "/base") == "of two baselines"
    contracts = iter([b"1", b"2", b"2"])
    results: list[Any] = [UsageError("of two baselines"), baseline("x")]

    def once(*_: Any) -> Baseline:
        result = results.pop(0)
        if isinstance(result, UsageError):
            raise result
        return baseline("x")

    monkeypatch.setattr(load, "_load", once)
    assert load.load_baseline("/base").schema.feature[0].name == "x"


def test_a_baseline_that_is_not_there(tmp_path: Any) -> None:
    path = str(tmp_path / "none")
    assert refusal(load.load_baseline, path) == f"no baseline at {path}; make one with trueserve prepare"
    assert refusal(load.load_baseline, str(tmp_path)) == (
        f"the baseline {tmp_path} is incomplete: contract.json is missing; {AGAIN}"
    )
    (tmp_path / "contract.json").mkdir()
    assert refusal(load.load_baseline, str(tmp_path)).startswith(f"the baseline {tmp_path} cannot be read: ")
