"""`make mutants` sees each kind of change, tries it on a copy, and says which ones no test finds."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mutants
import pytest
from support import mutations
from support.mutations import Change
from support.reached_lines import Reached, Reaching, nearness
from support.repo import ROOT


def changes_of(source: str) -> Iterator[tuple[str, str]]:
    """Kind and changed line of every change."""
    for point in mutations.find_points("transforms/limits.py", source.encode()):
        for text in point.texts:
            yield point.kind, mutations.make_change(source.encode(), point, text).after


@pytest.mark.parametrize(
    ("expression", "kind", "expected"),
    [
        ("a < b", "comparison", {"a <= b", "a >= b"}),
        ("(a) is not (b)", "comparison", {"(a) is (b)"}),
        ("a not in b", "comparison", {"a in b"}),
        ("a and b", "and/or", {"a or b"}),
        ("a - (-b)", "operator", {"a + (-b)", "a - (+b)"}),
        ("a // b", "operator", {"a * b"}),
        ("a == 3", "boundary", {"a == 4", "a == 2"}),
        ("a[0]", "boundary", {"a[1]"}),
        ("min(a, 0.5)", "boundary", {"min(a, 1.0)", "min(a, 0.25)"}),
        ("not a", "not", {"a"}),
        ("a if b else c", "condition", {"a if True else c", "a if False else c", "a if not (b) else c"}),
        ("[a for a in b if a > c]", "condition", {"[a for a in b if True]", "[a for a in b if False]"}),
        ("True", "returned bool", {"False"}),
    ],
)
def test_changes_of_an_expression(expression: str, kind: str, expected: set[str]) -> None:
    changed = {after for name, after in changes_of(f"def f():\n    return {expression}\n") if name == kind}
    assert changed == {f"return {after}" for after in expected}


@pytest.mark.parametrize(
    "line",
    ["assert a < b", "x: int | None = a", "x = f'{a + b}'", "if TYPE_CHECKING: a < b", "x = 'a' + b", "f(3)"],
)
def test_lines_without_a_change(line: str) -> None:
    assert list(changes_of(f"def f():\n    {line}\n")) == []


def test_changed_limits_and_increments() -> None:
    assert list(changes_of("LIMIT = 3\n")) == [("boundary", "LIMIT = 4"), ("boundary", "LIMIT = 2")]
    assert list(changes_of("def f():\n    a += b\n")) == [("operator", "a -= b")]


def test_a_module_of_declarations_is_not_eligible(tmp_path: Path) -> None:
    (tmp_path / "transforms").mkdir()
    (tmp_path / "transforms" / "names.py").write_text("LIMIT = 3\nclass A:\n    def f(self): ...\n")
    (tmp_path / "transforms" / "code.py").write_text("def f(a):\n    return a > 3\n")
    assert mutations.eligible_modules(tmp_path) == ["transforms/code.py"]


def test_a_seed_gives_the_same_changes() -> None:
    modules = ["transforms/verdict/severity.py", "transforms/files/paths.py"]
    first, again, other = ([c.key for c in mutations.choose(ROOT, modules, seed)] for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_an_equivalent_change_is_known_wherever_its_line_moves() -> None:
    def change(source: str) -> Change:
        point = mutations.find_points("transforms/limits.py", source.encode())[0]
        return mutations.make_change(source.encode(), point, point.texts[0])

    moved = change("import os\n\nclass A:\n    def f(self):\n\n        return a  < b\n")
    equivalent = {change("class A:\n    def f(self):\n        return a < b\n").key: "it cannot be seen"}
    drawn = mutants.draw(iter([moved]), 1, equivalent)
    assert (drawn.tried, drawn.equivalent) == ([], [(moved, "it cannot be seen")])


def test_every_equivalent_change_is_one_that_can_be_drawn() -> None:
    equivalent = mutants.load_equivalent(ROOT / "tests" / "equivalent_changes.toml")
    possible = set()
    for module in {key[0] for key in equivalent}:
        source = (ROOT / module).read_bytes()
        points = mutations.find_points(module, source)
        possible |= {mutations.make_change(source, p, text).key for p in points for text in p.texts}
    assert equivalent.keys() - possible == set()


def test_the_nearest_tests_come_first() -> None:
    module = "transforms/verdict/evidence/p_values.py"
    assert nearness("tests/unit/verdict/evidence/test_p_values.py", module) == 3
    assert nearness("tests/unit/verdict/evidence/test_power.py", module) == 2
    assert nearness("tests/pipelines/test_read.py", module) == 0


def test_compiled_functions_and_constants_are_reached_through_lines_that_mention_them(tmp_path: Path) -> None:
    (tmp_path / "transforms").mkdir()
    (tmp_path / "pipelines").mkdir()
    module, source = "transforms/scan.py", (
        "LIMIT = 3\n"
        "@helper\n"
        "def inner(a):\n"
        "    return a > 0\n"
        "@compiled(1)\n"
        "def outer(a):\n"
        "    return inner(a)\n"
        "def called(a):\n"
        "    return outer(a)\n"
        "def limited(a):\n"
        "    return a > LIMIT\n"
    )  # fmt: skip
    (tmp_path / module).write_text(source)
    reached = {
        "tests/a.py": Reached({}, {module: frozenset({9})}, 1, ""),
        "tests/b.py": Reached({}, {module: frozenset({11})}, 1, ""),
    }
    by_line = {point.line: point for point in mutations.find_points(module, source.encode())}
    reaching = Reaching(tmp_path, reached)
    assert [reaching.files(by_line[line]) for line in (1, 4, 11)] == [
        ["tests/b.py"],
        ["tests/a.py"],
        ["tests/b.py"],
    ]


_PROGRAM = """
import pathlib, sys
import mutants
mutants.ROOT = pathlib.Path.cwd()
mutants.forked_tests._LIBRARIES = ()
sys.exit(mutants.main(["--jobs=2", "--least=2", "--changes=4"]))
"""
_STRONG = "assert is_over(4)\n    assert not is_over(3)\n"
_WEAK = "assert is_over(40)\n"
_HANGS = "def is_over(value):\n    while value != 3:\n        value -= 1\n    return value\n"


def run_on_a_small_checkout(root: Path, code: str, test: str, conftest: str = "") -> tuple[int, str]:
    for name in ("pipelines", "transforms", "tests/unit", "tests/support"):
        (root / name).mkdir(parents=True)
    shutil.copytree(ROOT / "trueserve", root / "trueserve")
    (root / "transforms" / "__init__.py").touch()
    (root / "transforms" / "limits.py").write_text(code)
    (root / "tests" / "conftest.py").write_text(conftest)
    (root / "tests" / "unit" / "test_limits.py").write_text(
        f"from trueserve.transforms.limits import is_over\n\n\ndef test_limit() -> None:\n    {test}"
    )
    (root / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["."]\naddopts = "--import-mode=importlib"\n'
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "tests")])}
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM],
        cwd=root,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stdout + done.stderr


def test_changes_that_tests_find(tmp_path: Path) -> None:
    code, output = run_on_a_small_checkout(tmp_path, "def is_over(value):\n    return value > 3\n", _STRONG)
    assert code == 0, output
    assert "seed 1: 2 of 2 changes were found" in output
    assert (
        tmp_path / "transforms" / "limits.py"
    ).read_text() == "def is_over(value):\n    return value > 3\n"


def test_a_change_with_which_nothing_can_be_imported_is_found(tmp_path: Path) -> None:
    source = "A, B = range(1, 3)\ndef is_over(value):\n    return value > 3 * A\n"
    code, output = run_on_a_small_checkout(tmp_path, source, _STRONG, "import trueserve.transforms.limits\n")
    assert code == 0, output
    assert "found by an import of tests/conftest.py" in output


def test_changes_that_no_test_finds(tmp_path: Path) -> None:
    code, output = run_on_a_small_checkout(tmp_path, "def is_over(value):\n    return value > 3\n", _WEAK)
    assert code == 1, output
    assert "transforms/limits.py:2: return value > 3  ->  return value > " in output.split("Not found:")[1]
