"""Where a file's name comes from, in graphs put together by hand: every way, and each that is none."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from support.provenance import ASSET, INT, STRING, reading, text

from trueserve.transforms.serving.lint.provenance import Source


def test_a_fed_placeholder_is_an_asset() -> None:
    model = reading("path")
    model.asset("path")
    assert model.sources("read") == {ASSET}
    assert model.sources("read", 1) is None


def test_a_constant_that_the_loader_replaces_is_an_asset_where_no_request_runs_it() -> None:
    model = reading("path")
    model.asset("path", op="Const")
    assert model.sources("read") == {ASSET}
    model.serve("read:0")
    assert model.sources("read") is None
    fed = reading("path")
    fed.asset("path")
    fed.serve("read:0")
    assert fed.sources("read") == {ASSET}


def test_the_savers_file_is_the_checkpoint() -> None:
    model = reading("saver")
    model.graph.add(name="saver", op="Placeholder")
    assert model.sources("read") == {Source("checkpoint", "")}


def test_a_placeholder_that_nobody_feeds_can_be_anything() -> None:
    model = reading("path")
    model.graph.add(name="path", op="Placeholder")
    assert model.sources("read") is None
    assert reading("nowhere").sources("read") is None


def test_a_constant_is_its_text() -> None:
    model = reading("path")
    model.const("path", "/etc/\udcff")
    assert model.sources("read") == {text("/etc/\udcff")}


@pytest.mark.parametrize(("dtype", "count"), [(INT, 1), (STRING, 0), (STRING, 2)])
def test_a_constant_of_another_kind_is_no_text(dtype: int, count: int) -> None:
    model = reading("path")
    model.const("path", "a", dtype=dtype, count=count)
    assert model.sources("read") is None


@pytest.mark.parametrize(("inputs", "known"), [(("path",), True), (("^path", "path"), True), ((), False)])
def test_identities_pass_a_name_on(inputs: Sequence[str], known: bool) -> None:
    model = reading("same")
    model.const("path", "a")
    model.graph.add(name="same", op="Identity", input=inputs)
    assert model.sources("read") == ({text("a")} if known else None)


def test_other_ops_can_make_anything() -> None:
    model = reading("made")
    model.const("path", "a")
    model.graph.add(name="made", op="StringLower", input=["path"])
    assert model.sources("read") is None


def test_a_circle_is_not_known() -> None:
    model = reading("one")
    model.graph.add(name="one", op="Identity", input=["two"])
    model.graph.add(name="two", op="Identity", input=["one"])
    assert model.sources("read") is None


def sources_of_folder(
    pattern: str, rewrite: str = "", file: str = "a_done", static: bool = True
) -> set[Source] | None:
    model = reading("folder")
    model.asset("path", file)
    if static:
        node = model.graph.add(name="folder", op="StaticRegexReplace", input=["path"])
        node.attr["pattern"].s, node.attr["rewrite"].s = pattern.encode(), rewrite.encode()
    else:
        model.const("pattern", pattern)
        model.const("rewrite", rewrite)
        model.graph.add(name="folder", op="RegexReplace", input=["path", "pattern", "rewrite"])
    return model.sources("read")


@pytest.mark.parametrize("static", [True, False])
def test_the_folder_of_an_asset_that_ends_in_done_is_the_models(static: bool) -> None:
    assert sources_of_folder("done", static=static) == {Source("asset", "a_done")}
    assert sources_of_folder("a_done", static=static) == {Source("asset", "a_done")}
    assert sources_of_folder("done", "x", static=static) is None
    assert sources_of_folder("done", file="a", static=static) is None
    assert sources_of_folder(".*done", static=static) is None
    assert sources_of_folder("one", static=static) is None


def test_a_pattern_that_is_not_known_may_be_anything() -> None:
    model = reading("folder")
    model.asset("path", "done")
    model.const("rewrite", "")
    model.graph.add(name="folder", op="RegexReplace", input=["path", "request", "rewrite"])
    assert model.sources("read") is None
    text_alone = reading("folder")
    text_alone.const("path", "done")
    node = text_alone.graph.add(name="folder", op="StaticRegexReplace", input=["path"])
    node.attr["pattern"].s = b"done"
    assert text_alone.sources("read") is None
    nothing = reading("folder")
    nothing.graph.add(name="folder", op="StaticRegexReplace").attr["pattern"].s = b"done"
    assert nothing.sources("read") is None
    unknown = reading("folder")
    unknown.graph.add(name="folder", op="StaticRegexReplace", input=["request"]).attr["pattern"].s = b"done"
    assert unknown.sources("read") is None
    of_asset = reading("folder")
    of_asset.asset("path", "done")
    of_asset.const("rewrite", "")
    of_asset.graph.add(name="folder", op="RegexReplace", input=["path", "path", "rewrite"])
    assert of_asset.sources("read") is None
