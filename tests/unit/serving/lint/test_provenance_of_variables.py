"""What is known of a name that a variable or an argument of a function holds."""

from __future__ import annotations

from support.provenance import ASSET, Model, called, reading, text


def variable(written: str = "path", shared: str | None = "v") -> Model:
    model = reading("value")
    model.asset("path")
    handle = model.graph.add(name="handle", op="VarHandleOp")
    if shared is not None:
        handle.attr["shared_name"].s = shared.encode()
    model.graph.add(name="value", op="ReadVariableOp", input=["handle"])
    model.graph.add(name="assign", op="AssignVariableOp", input=["handle", written])
    return model


def test_a_variable_is_all_that_is_written_into_it() -> None:
    assert variable().sources("read") == {ASSET}
    two = variable()
    two.const("text", "a")
    two.graph.add(name="again", op="AssignVariableOp", input=["handle", "text"])
    two.graph.add(name="checked", op="VarIsInitializedOp", input=["handle"])
    assert two.sources("read") == {ASSET, text("a")}
    unknown = variable()
    unknown.graph.add(name="again", op="AssignVariableOp", input=["handle", "request"])
    assert unknown.sources("read") is None


def test_a_variable_that_nothing_is_written_into_is_not_known() -> None:
    model = variable()
    del model.graph[-1]
    assert model.sources("read") is None


def test_a_variable_has_one_name_for_all_its_handles() -> None:
    model = variable()
    alias = model.graph.add(name="alias", op="_VarHandlesOp")
    alias.attr["shared_name"].s = b"v"
    assert model.sources("read") == {ASSET}
    model.graph.add(name="again", op="AssignVariableOp", input=["alias", "request"])
    assert model.sources("read") is None
    other = variable()
    other.graph.add(name="alias", op="VarHandleOp").attr["shared_name"].s = b"w"
    other.graph.add(name="again", op="AssignVariableOp", input=["alias", "request"])
    assert other.sources("read") == {ASSET}


def test_a_handle_without_a_shared_name_goes_by_its_own() -> None:
    model = variable(shared=None)
    assert model.sources("read") == {ASSET}
    model.graph.add(name="alias", op="VarHandleOp").attr["shared_name"].s = b"handle"
    model.graph.add(name="again", op="AssignVariableOp", input=["alias", "request"])
    assert model.sources("read") is None


def test_a_variable_that_goes_elsewhere_or_into_functions_is_not_known() -> None:
    model = variable()
    model.call("f", "handle")
    assert model.sources("read") is None
    inside = variable()
    handle = inside.function("f").node_def.add(name="handle", op="VarHandleOp")
    handle.attr["shared_name"].s = b"v"
    assert inside.sources("read") is None
    swapped = variable()
    swapped.graph.add(name="again", op="AssignVariableOp", input=["other", "handle"])
    assert swapped.sources("read") == {ASSET}


def test_a_value_that_no_handle_gives_is_not_known() -> None:
    model = reading("value")
    model.graph.add(name="value", op="ReadVariableOp", input=["nowhere"])
    assert model.sources("read") is None
    in_function = variable()
    body = in_function.function("f")
    body.node_def.add(name="value", op="ReadVariableOp", input=["handle"])
    body.node_def.add(name="read", op="ReadFile", input=["value:value:0"])
    assert in_function.sources("read", 0, "f") is None


def test_an_argument_is_what_all_callers_give() -> None:
    assert called("path").sources("read", 0, "f") == {ASSET}
    assert called("path", "text").sources("read", 0, "f") == {ASSET, text("a")}
    assert called("path", "request").sources("read", 0, "f") is None
    assert called().sources("read", 0, "f") is None


def test_an_argument_of_a_call_that_is_not_plain_is_not_known() -> None:
    for op, known in (
        ("StatefulPartitionedCall", True),
        ("f", True),
        ("RemoteCall", False),
        ("While", False),
    ):
        model = called()
        model.call("f", "text", "path", op=op)
        assert model.sources("read", 0, "f") == ({ASSET} if known else None), op
    short = called()
    short.call("f", "path")
    assert short.sources("read", 0, "f") is None
    listed = called("path")
    node = listed.graph.add(name="case", op="Case", input=["text", "path"])
    node.attr["branches"].list.func.add(name="f")
    assert listed.sources("read", 0, "f") is None
    deep = called("path")
    node = deep.graph.add(name="deep", op="Case", input=["text", "path"])
    node.attr["f"].func.name = "g"
    node.attr["f"].func.attr["body"].func.name = "f"
    assert deep.sources("read", 0, "f") is None
