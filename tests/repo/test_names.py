"""Names say what they hold: those that say nothing, and words of no field but this house, are held out."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

import pytest
from support.repo import ROOT

# Where no name of any kind is one of these, in any case, with or without underscores around it.
FOLDERS = ("pipelines", "transforms", "trueserve", "tests", "examples", "benchmarks", "constraints")
# The first five say nothing. Each other one has a word of the field in its place: `unseen_mass` for `unseen`,
# `seasonal` for `natural`, and so on.
_DIALECT = """
    one found told said asked
    place beside sides ordered unordered unseen positions history chance many natural naturally views in_parts
    replayed conclude since earlier words whole narrowing collect refused ahead cores op_packages claims
    contexts moments excluding joining log_answers room sameness asking made_up choosing replacing judgement
"""
DIALECT = {*_DIALECT.split()}
_STORE = ast.Store()
ALLOWED = {
    "transforms/joining": "the folder is what `trueserve join` does; a variable so called says nothing",
    "tests/unit/joining": "the tests of transforms/joining",
    **dict.fromkeys(
        (
            "transforms/history",
            "tests/unit/history",
            "pipelines/published/history",
            "pipelines/flags/published/history",
        ),
        "what `trueserve history` makes and keeps; a variable so called says nothing",
    ),
}


# Where each kind of node has the name that it gives.
NAMED = {
    ast.Name: "id",
    ast.Attribute: "attr",
    ast.arg: "arg",
    ast.alias: "asname",
    ast.ClassDef: "name",
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ExceptHandler: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}


def names(source: str) -> Iterator[tuple[str, int]]:
    """The names that a module gives to what it holds, each with its line."""
    for node in ast.walk(ast.parse(source)):
        field = NAMED.get(type(node))
        # A name that is read is given elsewhere.
        if field and isinstance(getattr(node, "ctx", _STORE), ast.Store) and (name := getattr(node, field)):
            yield name, node.lineno  # type: ignore[attr-defined]


@functools.cache
def is_dialect(name: str) -> bool:
    """Whether a name, of a constant and of a class too, is one of `DIALECT`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower().strip("_") in DIALECT


def dialect_parts(module: str) -> Iterator[str]:
    """The folders of a module, and itself, that have a name of the dialect and no reason to."""
    path = PurePosixPath(module).with_suffix("")
    for part in (path, *path.parents):
        if is_dialect(part.name) and str(part) not in ALLOWED:
            yield str(part)


@pytest.mark.parametrize(
    "planted",
    [
        "words = 1",
        "words: int = 1",
        "def f(told): ...",
        "WORDS, _Words = 1, 2",
        "def f(*, views): ...",
        "def _unseen(): ...",
        "async def claims(): ...",
        "class Moments: ...",
        "class OpPackages: ...",
        "class C:\n    made_up: int",
        "class C:\n    def __init__(self):\n        self._history = ()",
        "for many in x: ...",
        "[room for room in x]",
        "if (chance := x): ...",
        "with x as place: ...",
        "try: ...\nexcept ValueError as refused: ...",
        "import numpy as ahead",
        "from a import b as replacing",
        "match x:\n    case [*earlier]: ...",
        "match x:\n    case {**since}: ...",
        "match x:\n    case int() as whole: ...",
    ],
)
def test_the_scan_sees_every_kind_of_name(planted: str) -> None:
    assert any(is_dialect(name) for name, _ in names(planted))


def test_the_scan_leaves_alone_what_only_reads_or_contains_a_name() -> None:
    source = "import moments\nfrom words import views\nmany_rows = whole.room(place=sides)\nx.y = 'unseen'\n"
    assert [name for name, _ in names(source) if is_dialect(name)] == []
    assert list(dialect_parts("transforms/summaries/moments.py")) == ["transforms/summaries/moments"]
    assert list(dialect_parts("transforms/verdict/joining/a.py")) == ["transforms/verdict/joining"]
    assert list(dialect_parts("transforms/joining/split.py")) == []


@pytest.mark.parametrize("folder", FOLDERS)
def test_no_module_and_nothing_in_it_has_a_name_of_the_dialect(folder: str) -> None:
    modules = {path.relative_to(ROOT).as_posix(): path for path in (ROOT / folder).rglob("*.py")}
    assert modules
    wrong = [
        f"{module}:{line}: {name}"
        for module, path in modules.items()
        for name, line in names(path.read_text(encoding="utf-8"))
        if is_dialect(name)
    ]
    assert wrong == []
    assert [part for module in modules for part in dialect_parts(module)] == []


def test_every_exception_is_still_needed() -> None:
    for path in ALLOWED:
        assert is_dialect(PurePosixPath(path).name)
        assert (ROOT / path).exists() or (ROOT / f"{path}.py").exists()
