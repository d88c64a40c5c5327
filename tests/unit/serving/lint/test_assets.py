"""Assets of a model beside those of the contract: absent, changed, renamed, or the same."""

from __future__ import annotations

import hashlib
from types import SimpleNamespace
from typing import Any

import pytest
from tensorflow.core.protobuf import meta_graph_pb2

from trueserve.transforms.serving.lint import assets


def digest_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remarks(files: dict[str, bytes | None], promised: dict[str, bytes] | None = None) -> list[Any]:
    """Rule, severity and file name of each remark; a file of None is named by the graph and not there."""
    meta_graph = meta_graph_pb2.MetaGraphDef()
    for name in files:
        meta_graph.asset_file_def.add(filename=name)
    digests = {name: None if content is None else digest_of(content) for name, content in files.items()}
    model: Any = SimpleNamespace(digest=digests.get)
    graphs: Any = SimpleNamespace(meta_graph=meta_graph)
    contract: Any = None
    if promised is not None:
        of_contract = {name: digest_of(content) for name, content in promised.items()}
        contract = SimpleNamespace(digests=SimpleNamespace(assets=of_contract))
    return [(name, r.rule, r.severity) for name, r in assets.remarks(graphs, model, contract)]


ABSENT, CHANGED = ("asset-absent", "error"), ("asset-changed", "error")


@pytest.mark.parametrize(
    ("files", "promised", "expected"),
    [
        ({"a": b"1"}, None, []),
        ({"b": None, "a": None}, None, [("a", *ABSENT), ("b", *ABSENT)]),
        ({"a": b"1"}, {"a": b"1"}, []),
        ({"a": b"2"}, {"a": b"1"}, [("a", *CHANGED)]),
        # One that is not there is said once.
        ({"a": None}, {"a": b"1"}, [("a", *ABSENT)]),
        ({}, {"b": b"1", "a": b"1"}, [("a", "asset-absent", "warning"), ("b", "asset-absent", "warning")]),
        # TensorFlow numbers names that clash; without any of the name, the content tells.
        ({"a": b"2", "a_1": b"1"}, {"a": b"1"}, []),
        ({"a_1": b"1"}, {"a": b"1"}, []),
        ({"other": b"1"}, {"a": b"1"}, []),
        ({"other": b"2"}, {"a": b"1"}, [("a", "asset-absent", "warning")]),
        ({"a": b"2", "other": b"1"}, {"a": b"1"}, [("a", *CHANGED)]),
        ({"a_x": b"1", "a": b"2"}, {"a": b"1"}, [("a", *CHANGED)]),
    ],
)
def test_assets_by_name_and_content(
    files: dict[str, bytes | None], promised: dict[str, bytes] | None, expected: list[Any]
) -> None:
    assert remarks(files, promised) == expected


def test_the_sentence_names_the_file() -> None:
    meta_graph = meta_graph_pb2.MetaGraphDef()
    meta_graph.asset_file_def.add(filename="words.txt")
    graphs: Any = SimpleNamespace(meta_graph=meta_graph)
    model: Any = SimpleNamespace(digest=lambda _: None)
    [(_, remark)] = assets.remarks(graphs, model, None)
    assert remark.message.startswith("the model reads assets/words.txt, which is not in its folder; ")
