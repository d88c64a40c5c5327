"""What an op does outside of the model: by its name, its attributes and its inputs' names."""

from __future__ import annotations

from typing import Any

import pytest
from tensorflow.core.framework import node_def_pb2, op_def_pb2

from trueserve.transforms.serving.lint import effects
from trueserve.transforms.serving.lint.effects import OpEffect


def node(op: str, **attributes: bytes) -> Any:
    made = node_def_pb2.NodeDef(name="n", op=op)
    for name, value in attributes.items():
        made.attr[name].s = value
    return made


def rule(op: str, **attributes: bytes) -> str | None:
    effect = effects.effect_of(node(op, **attributes))
    return effect.rule if effect is not None else None


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        ("AddV2", None),
        ("VarHandleOp", None),
        ("PyFunc", "python-op"),
        ("ReadFile", "file-access"),
        ("InitializeTableFromTextFileV2", "file-access"),
        ("CacheDatasetV2", "file-access"),
        ("WriteFile", "file-access"),
        ("RestoreV2", "file-access"),
        ("XlaCallModule", "opaque-op"),
        ("RpcCall", "network-access"),
        ("_Recv", "network-access"),
        ("NoSuchOp", "custom-op"),
        ("SimpleMLInferenceOpWithHandle", None),
        ("SimpleMLCreateModelResource", None),
        ("SimpleMLHashMapTrainer", "file-access"),
        ("TFText>WhitespaceTokenizeWithOffsetsV2", None),
        ("IsTensorFloat32Enabled", None),
    ],
)
def test_ops_by_their_names(op: str, expected: str | None) -> None:
    assert rule(op) == expected


@pytest.mark.parametrize(
    ("op", "name", "value", "wanted"),
    [
        ("PrintV2", "output_stream", b"stderr", None),
        ("PrintV2", "output_stream", b"", None),
        ("PrintV2", "output_stream", b"log(info)", None),
        ("PrintV2", "output_stream", b"file:///a", "stream of the process"),
        ("FixedUnigramCandidateSampler", "vocab_file", b"", None),
        ("FixedUnigramCandidateSampler", "vocab_file", b"a", "empty text"),
        ("EncodeProto", "descriptor_source", b"local://", None),
        ("EncodeProto", "descriptor_source", b"bytes://a\nb", None),
        ("DecodeProtoV2", "descriptor_source", b"/etc/a", "inline value"),
    ],
)
def test_attributes_that_may_name_a_file(op: str, name: str, value: bytes, wanted: str | None) -> None:
    expected = None if wanted is None else OpEffect("file-access", f"has {name} set to what is no {wanted}")
    assert effects.effect_of(node(op, **{name: value})) == expected
    assert effects.effect_of(node(op)) is None


def test_an_attribute_that_a_caller_fills_in_can_be_anything() -> None:
    made = node("PrintV2")
    made.attr["output_stream"].placeholder = "a"
    effect = effects.effect_of(made)
    assert effect is not None
    assert effect.rule == "file-access"


STRING, INT = 7, 3


def unlisted(monkeypatch: pytest.MonkeyPatch, definition: Any) -> OpEffect | None:
    monkeypatch.setattr(effects, "_definition", lambda _: definition)
    return effects.effect_of(node("Strange"))


def test_inputs_and_attributes_that_are_named_like_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def definition(name: str, kind: int = STRING, attr: str = "", attr_type: str = "string") -> Any:
        made = op_def_pb2.OpDef(name="Strange")
        made.input_arg.add(name=name, type=kind)
        if attr:
            made.attr.add(name=attr, type=attr_type)
        return made

    assert unlisted(monkeypatch, definition("words")) is None
    assert unlisted(monkeypatch, definition("filename", INT)) is None
    assert unlisted(monkeypatch, definition("filename")) == OpEffect(
        "file-access", "takes filename, which names files or hosts"
    )
    both = unlisted(monkeypatch, definition("dir", attr="hosts", attr_type="list(string)"))
    assert both == OpEffect("file-access", "takes dir, hosts, which names files or hosts")
    assert unlisted(monkeypatch, definition("words", attr="path")) is not None
    assert unlisted(monkeypatch, definition("words", attr="path", attr_type="int")) is None


def test_state_of_a_kind_that_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    stateful = op_def_pb2.OpDef(name="Strange", is_stateful=True)
    assert unlisted(monkeypatch, stateful) == OpEffect(
        "unknown-effect", "has effects that trueserve does not know"
    )
    monkeypatch.setattr(effects, "_definition", lambda _: stateful)
    assert effects.effect_of(node("RandomShuffle")) is None
