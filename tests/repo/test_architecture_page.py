"""docs/architecture.md against the tree: every folder has its row, every step of a walk names what exists."""

from __future__ import annotations

import ast
import re

from support.repo import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def folders() -> set[str]:
    """The folders of both packages that hold modules."""
    packages = [ROOT / "pipelines", ROOT / "transforms"]
    return {f.parent.relative_to(ROOT).as_posix() for package in packages for f in package.rglob("*.py")}


def folders_named() -> set[str]:
    """Those in the first column of the table, where `b/` beside `a/x/` means `a/b/`."""
    named: set[str] = set()
    for cell in re.findall(r"^\| (`\w[^|]*/`) \|", PAGE, flags=re.MULTILINE):
        first, *others = (folder.rstrip("/") for folder in re.findall(r"`([^`]+)`", cell))
        named |= {first, *(f"{first.rpartition('/')[0]}/{other}" for other in others)}
    return named


def defined(module: str) -> set[str]:
    """The functions and classes at the top of a module, none if there is no such file."""
    path = ROOT / module
    body = ast.parse(path.read_text(encoding="utf-8")).body if path.is_file() else []
    return {node.name for node in body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


def test_every_folder_has_one_row() -> None:
    assert folders_named() == folders()


def test_every_step_names_a_function_that_exists() -> None:
    steps = re.findall(r"^\| \d+\. [^|]+\| `([^`]+\.py)` \| ([^|]+) \|$", PAGE, flags=re.MULTILINE)
    wrong = [
        f"{module}: {name}"
        for module, names in steps
        for name in re.findall(r"`(\w+)`", names)
        if name not in defined(module)
    ]
    assert wrong == []
    assert len(steps) == len(re.findall(r"^\| \d+\. ", PAGE, flags=re.MULTILINE)) > 30
