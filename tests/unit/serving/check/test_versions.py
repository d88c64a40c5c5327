"""Versions of training and of the model, where both are known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from support.check_report import BOTH, contents, messages

from trueserve.transforms.baseline.contract import Contract, Digests
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.serving.check import versions
from trueserve.transforms.serving.check.report import Version
from trueserve.transforms.serving.check.saved_model import SavedModelContents


@pytest.mark.parametrize(
    ("left", "right", "differs"),
    [("1", "2", True), ("1", "1", False), (None, "1", False), ("1", None, False)],
)
def test_versions_differ_where_both_are_known(left: str | None, right: str | None, differs: bool) -> None:
    assert Version("n", left, right).differs is differs


def test_the_source_of_an_adopted_graph_is_compared_with_nothing() -> None:
    assert "preprocessing_source" not in versions._digests(Digests("", "g", {}))
    assert versions._digests(Digests("s", "g", {}))["preprocessing_source"] == "s"


def contract(graph: str = "g" * 64, **packages: str) -> Contract:
    digests = Digests("s" * 64, graph, {"words": "w" * 64})
    return Contract("2026-01-01T00:00:00Z", digests, packages, 5, None, ("a",), {"x": ("a",)})


def with_contract(folder: Path, other: Contract | None) -> SavedModelContents:
    if other is not None:
        (folder / "assets.extra").mkdir(exist_ok=True)
        (folder / "assets.extra" / "contract.json").write_text(json.dumps(other.to_json()))
    return contents(BOTH, folder=str(folder))


def test_versions_of_both_are_told_beside_each_other(tmp_path: Path) -> None:
    model = with_contract(tmp_path, contract("h" * 64, tensorflow="2.15", numpy="1.26"))
    compared = versions.compared(contract(tensorflow="2.16.2", keras="3"), model)
    assert [(v.name, v.baseline, v.model) for v in compared] == [
        ("preprocessing_source", "s" * 64, "s" * 64),
        ("graph", "g" * 64, "h" * 64),
        ("assets/words", "w" * 64, "w" * 64),
        ("packages/keras", "3", None),
        ("packages/numpy", None, "1.26"),
        ("packages/tensorflow", "2.16.2", "2.15"),
        ("saved_model/tensorflow", "2.16.2", "2.16.2"),
    ]
    assert messages(versions.findings(compared, model, agree=True)) == [
        (
            "version",
            "info",
            f"graph: {'h' * 12}… in the model, {'g' * 12}… in the baseline; the probes agree all the same",
        ),
        (
            "version",
            "info",
            "packages/tensorflow: 2.15 in the model, 2.16.2 in the baseline; the probes agree all the same",
        ),
    ]
    [first, _] = versions.findings(compared, model, agree=False)
    assert first.message.endswith("; see the errors for what that does")


def test_a_model_without_a_contract(tmp_path: Path) -> None:
    model = with_contract(tmp_path, None)
    compared = versions.compared(contract(tensorflow="2.16.2"), model)
    assert [version.name for version in compared if version.model is not None] == ["saved_model/tensorflow"]
    [finding] = versions.findings(compared, model, agree=True)
    assert (finding.kind, finding.severity) == ("no_contract", "info")


@pytest.mark.parametrize("content", ["{", "[]", "{}", "null"])
def test_a_contract_that_is_none_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "assets.extra").mkdir()
    (tmp_path / "assets.extra" / "contract.json").write_text(content)
    with pytest.raises(InputError, match=r"contract.json of the model is no contract"):
        versions.compared(contract(), contents(BOTH, folder=str(tmp_path)))
