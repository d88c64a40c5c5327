"""Small changes to a module: where one can be made, and what it makes of the source.

A comparison, a condition, an operator, a boundary, and/or, a returned bool, a `not`. A boundary is a number
that something is compared with, an index, an argument of `range`, `min` or `max`, or the value of a constant.
Not changed are annotations, assertions, f-strings, decorators and what runs only for a type checker or as a
program.
"""

from __future__ import annotations

import ast
import dataclasses
import itertools
import random
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeGuard

_COMPARISONS: dict[type[ast.cmpop], tuple[str, tuple[str, ...]]] = {
    ast.Lt: ("<", ("<=", ">=")),
    ast.LtE: ("<=", ("<", ">")),
    ast.Gt: (">", (">=", "<=")),
    ast.GtE: (">=", (">", "<")),
    ast.Eq: ("==", ("!=",)),
    ast.NotEq: ("!=", ("==",)),
    ast.Is: ("is", ("is not",)),
    ast.IsNot: (r"is\s+not", ("is",)),
    ast.In: ("in", ("not in",)),
    ast.NotIn: (r"not\s+in", ("in",)),
}
_OPERATORS: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "&"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
}
_NEVER_CHANGED = (ast.Assert, ast.JoinedStr, ast.Import, ast.ImportFrom)
_NOT_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}
_BOUNDING = {"range", "min", "max", "round", "minimum", "maximum", "clip"}
_NOT_FOR_RUNNING = re.compile(r"TYPE_CHECKING|__name__")


@dataclasses.dataclass(frozen=True)
class Point:
    """Some bytes of a module, and the texts that may replace them.

    Attributes:
      module: path below the checkout.
      function: name within the module, with those of enclosing classes and functions; "" for none.
      names: what is bound where the point is outside all functions, as other code would mention it.
      lines: first and last line of the statement, or of a compound statement's head, up to the point's end.
    """

    module: str
    function: str
    kind: str
    start: int
    end: int
    texts: tuple[str, ...]
    names: tuple[str, ...]
    lines: tuple[int, int]
    line: int


@dataclasses.dataclass(frozen=True)
class Change:
    """One text at one point. `before` and `after` are the changed lines, without indentation."""

    point: Point
    source: bytes
    before: str
    after: str

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What the change is, wherever its line has moved to."""
        return self.point.module, self.point.function, self.before, self.after

    def __str__(self) -> str:
        return f"{self.point.module}:{self.point.line}: {self.before}  ->  {self.after}"


def make_change(source: bytes, point: Point, text: str) -> Change:
    """Puts `text` at a point of a module's source."""
    changed = source[: point.start] + text.encode() + source[point.end :]
    first = source.rfind(b"\n", 0, point.start) + 1
    last, changed_last = source.find(b"\n", point.end), changed.find(b"\n", point.start + len(text.encode()))
    before, after = source[first:last].decode(), changed[first:changed_last].decode()
    return Change(point, changed, " ".join(before.split()), " ".join(after.split()))


def choose(root: Path, modules: Sequence[str], seed: int) -> Iterator[Change]:
    """All points of all modules in an order that the seed gives, with one change at each."""
    rng = random.Random(seed)
    sources = {module: (root / module).read_bytes() for module in modules}
    points = [point for module, source in sources.items() for point in find_points(module, source)]
    for point in rng.sample(points, len(points)):
        change = make_change(sources[point.module], point, rng.choice(point.texts))
        compile(change.source, point.module, "exec")
        yield change


def eligible_modules(root: Path) -> list[str]:
    """The modules of the product that are more than declarations, by their path."""
    paths = [path for folder in ("pipelines", "transforms") for path in sorted((root / folder).rglob("*.py"))]
    return [str(path.relative_to(root)) for path in paths if _computes(ast.parse(path.read_bytes()))]


def _computes(module: ast.Module) -> bool:
    functions = (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef))
    return any(not _is_stub(statement) for function in functions for statement in function.body)


def _is_stub(statement: ast.stmt) -> bool:
    """A docstring, an ellipsis, or nothing."""
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Pass)


def find_points(module: str, source: bytes) -> list[Point]:
    """All points of a module, in the order of its text."""
    points = _Finder(module, source).visit(ast.parse(source), _Scope())
    return sorted(points, key=lambda point: (point.start, point.end))


@dataclasses.dataclass(frozen=True)
class _Scope:
    function: str = ""
    inside: bool = False  # a function, not only a class
    bounds: bool = False  # numbers here are boundaries
    names: tuple[str, ...] = ()
    first_line: int = 0

    def within(self, node: ast.stmt) -> _Scope:
        """The scope of what a statement holds."""
        scope = dataclasses.replace(self, first_line=node.lineno, bounds=False)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{self.function}.{node.name}".lstrip(".")
            return dataclasses.replace(scope, function=name, names=(node.name,))
        if not self.inside and isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (child.id for top in targets for child in ast.walk(top) if isinstance(child, ast.Name))
            return dataclasses.replace(scope, names=tuple(names), bounds=isinstance(node.value, ast.Constant))
        return scope

    def into(self, field: str, node: ast.AST) -> _Scope:
        """The scope of a field of a node."""
        body = field == "body" and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        return dataclasses.replace(
            self, inside=self.inside or body, bounds=self.bounds or _bounds(field, node)
        )


class _Finder:
    def __init__(self, module: str, source: bytes) -> None:
        self._module, self._source = module, source
        self._starts = [0, *itertools.accumulate(map(len, source.splitlines(keepends=True)))]

    def visit(self, node: ast.AST, scope: _Scope) -> Iterator[Point]:
        if isinstance(node, _NEVER_CHANGED) or self._is_not_for_running(node):
            return
        if isinstance(node, ast.stmt):
            scope = scope.within(node)
        for kind, start, end, texts in self._at(node, scope):
            # Literals of bytes may hold line ends, source lines do not.
            lines = (scope.first_line, self._source.count(b"\n", 0, end) + 1)
            line = self._source.count(b"\n", 0, start) + 1
            names = () if scope.inside else scope.names
            yield Point(self._module, scope.function, kind, start, end, tuple(texts), names, lines, line)
        for field, value in ast.iter_fields(node):
            if field in _NOT_FIELDS:
                continue
            inner = scope.into(field, node)
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from self.visit(child, inner)

    def _is_not_for_running(self, node: ast.AST) -> bool:
        return isinstance(node, ast.If) and bool(_NOT_FOR_RUNNING.search(ast.unparse(node.test)))

    def _at(self, node: ast.AST, scope: _Scope) -> Iterator[tuple[str, int, int, Iterable[str]]]:
        """Kind, start, end and texts of the points at a node itself."""
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for operator, left, right in zip(node.ops, operands, operands[1:], strict=False):
                pattern, texts = _COMPARISONS[type(operator)]
                yield "comparison", *self._between(left, right, pattern), texts
        elif isinstance(node, ast.BoolOp):
            old, new = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
            for left, right in itertools.pairwise(node.values):
                yield "and/or", *self._between(left, right, old), (new,)
        elif isinstance(node, ast.BinOp) and self._is_arithmetic(node, scope):
            old, new = _OPERATORS[type(node.op)]
            yield "operator", *self._between(node.left, node.right, re.escape(old)), (new,)
        elif isinstance(node, ast.AugAssign) and type(node.op) in _OPERATORS:
            old, new = _OPERATORS[type(node.op)]
            yield "operator", *self._between(node.target, node.value, re.escape(f"{old}=")), (f"{new}=",)
        elif isinstance(node, ast.UnaryOp):
            yield from self._at_unary(node)
        elif isinstance(node, ast.Constant) and scope.bounds and _is_number(node.value):
            yield "boundary", *self._span(node), _near(node.value)
        for condition in _conditions(node):
            yield "condition", *self._span(condition), self._without_condition(condition)
        if (returned := _returned_bool(node)) is not None:
            yield "returned bool", *self._span(returned), (str(not returned.value),)

    def _at_unary(self, node: ast.UnaryOp) -> Iterator[tuple[str, int, int, Iterable[str]]]:
        start, _ = self._span(node)
        if isinstance(node.op, ast.Not):
            yield "not", start, start + len("not"), ("",)
        if isinstance(node.op, ast.USub) and not isinstance(node.operand, ast.Constant):
            yield "operator", start, start + 1, ("+",)

    def _is_arithmetic(self, node: ast.BinOp, scope: _Scope) -> bool:
        """Whether it is no text that is put together, and no type of an alias."""
        texts = any(isinstance(side, ast.JoinedStr) or _is_text(side) for side in (node.left, node.right))
        alias = isinstance(node.op, ast.BitOr) and not scope.inside
        return type(node.op) in _OPERATORS and not texts and not alias

    def _without_condition(self, node: ast.expr) -> Iterator[str]:
        yield from ("True", "False")
        if not isinstance(node, ast.Compare) and not _is_not(node):
            start, end = self._span(node)
            yield f"not ({self._source[start:end].decode()})"

    def _span(self, node: ast.expr) -> tuple[int, int]:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        start = self._starts[node.lineno - 1] + node.col_offset
        return start, self._starts[node.end_lineno - 1] + node.end_col_offset

    def _between(self, left: ast.expr, right: ast.expr, pattern: str) -> tuple[int, int]:
        """Where an operator is between two operands."""
        (_, start), (end, _) = self._span(left), self._span(right)
        token = re.search(pattern.encode(), self._source[start:end])
        assert token is not None, (self._module, self._source[start:end])
        return start + token.start(), start + token.end()


def _bounds(field: str, node: ast.AST) -> bool:
    """Whether a number in this field of a node is a boundary."""
    name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
    index = field == "slice" and isinstance(node, ast.Subscript)
    return isinstance(node, ast.Compare) or index or (name in _BOUNDING and field == "args")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _near(number: float) -> tuple[str, ...]:
    if isinstance(number, int):
        return (repr(number + 1), repr(number - 1)) if number else ("1",)
    return (repr(number * 2), repr(number / 2)) if number else ("1.0",)


def _conditions(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.IfExp):
        return [node.test]
    return node.ifs if isinstance(node, ast.comprehension) else []


def _returned_bool(node: ast.AST) -> ast.Constant | None:
    value = (
        node.value if isinstance(node, ast.Return) else node.body if isinstance(node, ast.Lambda) else None
    )
    return value if isinstance(value, ast.Constant) and isinstance(value.value, bool) else None


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str | bytes)


def _is_not(node: ast.expr) -> bool:
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
