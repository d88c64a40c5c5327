"""Variables say what they hold: a short list of names that say nothing is held out."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest
from support.repo import ROOT

EMPTY_NAMES = {"one", "found", "told", "said", "asked"}
FOLDERS = ("pipelines", "transforms", "tests", "examples", "benchmarks")


def bound_names(source: str) -> Iterator[tuple[str, int]]:
    """The variables and parameters that a module binds, each with its line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id, node.lineno
        elif isinstance(node, ast.arg):
            yield node.arg, node.lineno


def test_the_scan_sees_variables_and_parameters() -> None:
    source = "one = 1\ndef f(told):\n    return [found for found in told]\nprint(said, x.asked)\n"
    assert {name for name, _ in bound_names(source)} & EMPTY_NAMES == {"one", "told", "found"}


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_variable_has_an_empty_name(folder: str) -> None:
    modules = list((ROOT / folder).rglob("*.py"))
    assert modules
    empty = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in modules
        for name, line in bound_names(path.read_text(encoding="utf-8"))
        if name in EMPTY_NAMES
    ]
    assert empty == []
