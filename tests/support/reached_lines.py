"""Which test files run a line of the product: measured once, and kept until a file that matters changes."""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath

from support.mutations import Point

_SHARED = ("tests/conftest.py", "tests/support")
_COMPILED = ("compiled", "helper")


@dataclasses.dataclass(frozen=True)
class Reached:
    """What a test file runs.

    Attributes:
      digests: of the files that this depends on.
      lines: by module of the product.
      seconds: of CPU time that it took, traced.
      failed: the first test that failed, or "".
    """

    digests: Mapping[str, str]
    lines: Mapping[str, frozenset[int]]
    seconds: float
    failed: str

    def save(self, path: Path) -> None:
        """Writes it as JSON."""
        path.parent.mkdir(parents=True, exist_ok=True)
        fields = {
            **vars(self),
            "lines": {module: sorted(numbers) for module, numbers in self.lines.items()},
        }
        path.write_text(json.dumps(fields))


def load(root: Path, path: Path) -> Reached | None:
    """What was saved, or None if there is nothing, or if a file has changed since."""
    if not path.exists():
        return None
    fields = json.loads(path.read_text())
    lines = {module: frozenset(numbers) for module, numbers in fields.pop("lines").items()}
    reached = Reached(lines=lines, **fields)
    return reached if all(_digest(root, name) == digest for name, digest in reached.digests.items()) else None


def read_traced(root: Path, test_file: str, traced: Path, seconds: float, failed: str) -> Reached:
    """What the file of a tracer says about a test file."""
    lines: dict[str, set[int]] = {}
    for entry in traced.read_text().split() if traced.exists() else []:
        module, _, number = entry.rpartition(":")
        lines.setdefault(module, set()).add(int(number))
    shared = [str(path.relative_to(root)) for name in _SHARED for path in _python_files(root / name)]
    files = [name for name in (test_file, *shared, *lines) if (root / name).exists()]
    digests = {name: _digest(root, name) for name in files}
    return Reached(digests, {name: frozenset(numbers) for name, numbers in lines.items()}, seconds, failed)


def _python_files(path: Path) -> list[Path]:
    return sorted(path.rglob("*.py")) if path.is_dir() else [path]


def _digest(root: Path, name: str) -> str:
    path = root / name
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


class Reaching:
    """Finds the test files for a point, the nearest first.

    Lines outside functions run wherever a module is imported, and lines of compiled functions are seen by no
    tracer. There the tests are meant that run a line which mentions the name, or a compiled function that
    does, and so on.
    """

    def __init__(self, root: Path, reached: Mapping[str, Reached]) -> None:
        self._reached = reached
        modules = [path for name in ("pipelines", "transforms") for path in (root / name).rglob("*.py")]
        self._sources = {str(path.relative_to(root)): path.read_text() for path in modules}
        self._compiled = {module: _compiled_functions(source) for module, source in self._sources.items()}

    def files(self, point: Point) -> list[str]:
        """Test files that run the point, the nearest first."""
        function = self._compiled_at(point.module, point.line)
        names = (function,) if function else point.names
        lines = (
            self._mentions(names) if names else {point.module: {*range(point.lines[0], point.lines[1] + 1)}}
        )
        files = [
            name
            for name, reached in self._reached.items()
            if any(numbers & reached.lines.get(module, frozenset()) for module, numbers in lines.items())
        ]
        return sorted(files, key=lambda name: (-nearness(name, point.module), self._reached[name].seconds))

    def _compiled_at(self, module: str, line: int) -> str | None:
        ranges = self._compiled[module].items()
        return next((name for name, (first, last) in ranges if first <= line <= last), None)

    def _mentions(self, names: tuple[str, ...]) -> dict[str, set[int]]:
        """Lines of functions that mention a name, or a compiled function that mentions it."""
        known, waiting, lines = {*names}, [*names], dict[str, set[int]]()
        while waiting:
            for module, number in self._lines_with(waiting.pop()):
                function = self._compiled_at(module, number)
                if function is None:
                    lines.setdefault(module, set()).add(number)
                elif function not in known:
                    known.add(function)
                    waiting.append(function)
        return lines

    def _lines_with(self, name: str) -> Iterator[tuple[str, int]]:
        pattern = re.compile(rf"\b{re.escape(name)}\b")
        for module, source in self._sources.items():
            for match in pattern.finditer(source) if name in source else ():
                yield module, source.count("\n", 0, match.start()) + 1


def _compiled_functions(source: str) -> dict[str, tuple[int, int]]:
    """First and last lines of the functions that are compiled, by name."""
    ranges = {}
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            decorators = {
                child.id
                for top in node.decorator_list
                for child in ast.walk(top)
                if isinstance(child, ast.Name)
            }
            if decorators & {*_COMPILED}:
                ranges[node.name] = (node.lineno, node.end_lineno or node.lineno)
    return ranges


def nearness(test_file: str, module: str) -> int:
    """How many parts of a module's path a test file's path has in common with it, from the top."""
    parts = [part for part in PurePath(module).with_suffix("").parts if part != "transforms"]
    own = PurePath(test_file).with_suffix("").parts[1:]
    own = own[1:] if own[0] == "unit" else own
    count = 0
    for part, name in zip(parts, own, strict=False):
        if part != name.removeprefix("test_"):
            break
        count += 1
    return count
