"""Imports of a user's file that cannot be had here, and that its function never needs.

TFX's module files hold the trainer beside `preprocessing_fn`: they import `tfx` for an annotation, or what
another release of TensorFlow had. What such an import would have bound is bound to an `Absent`, whose use
raises. That holds for the import statements at the top of the file itself, and for no others: whatever tries
an import and goes on without it has its own way.
"""

from __future__ import annotations

import ast
import types
from typing import NoReturn

_STAND_IN = "__trueserve_stand_in__"


class AbsentImportError(ImportError):
    """Something was used that could not be imported."""


class AbsentNameError(AttributeError):
    """The same, where an attribute of it was asked for: who tries whether there is one may go on."""


def is_absent(error: BaseException) -> bool:
    """Whether the error is that of a use: it says all that there is to say."""
    return isinstance(error, AbsentImportError | AbsentNameError)


class Absent:
    """What an import would have bound. It may stand in annotations; all other use raises AbsentImportError.

    Once the file has been executed, it has no attributes either, which is an AbsentNameError.
    """

    def __init__(self, name: str, why: str, imports: Imports) -> None:
        self._name, self._why, self._imports = name, why, imports

    def __repr__(self) -> str:
        return f"<{self._name}: {self._why}>"

    def __getattr__(self, name: str) -> Absent:
        if name.startswith("__"):
            raise AttributeError(name)
        return self._part(f"{self._name}.{name}")

    def __getitem__(self, item: object) -> Absent:
        return self._part(self._name)

    def __or__(self, other: object) -> Absent:
        return self._part(self._name)

    __ror__ = __or__

    def _part(self, name: str) -> Absent:
        if self._imports.are_done:
            raise AbsentNameError(self._message)
        return Absent(name, self._why, self._imports)

    @property
    def _message(self) -> str:
        return f"uses {self._name}, but {self._why}"

    def _refuse(self, *_args: object, **_more: object) -> NoReturn:
        raise AbsentImportError(self._message)

    __call__ = __iter__ = __len__ = __bool__ = __index__ = __int__ = __float__ = __contains__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __enter__ = __format__ = _refuse
    __instancecheck__ = __subclasscheck__ = __mro_entries__ = __array__ = __tf_tensor__ = _refuse


class Imports:
    """The imports of one file. `are_done` says that it has been executed."""

    def __init__(self) -> None:
        self.are_done = False

    def execute(self, source: bytes, file: str, module: types.ModuleType) -> None:
        """Executes the file. Raises whatever it raises, but for imports for which there is an `Absent`."""
        tree = ast.parse(source, file)
        tree.body = [part for statement in tree.body for part in _guarded(statement)]
        module.__dict__[_STAND_IN] = self.stand_in
        exec(compile(tree, file, "exec", dont_inherit=True), module.__dict__)
        del module.__dict__[_STAND_IN]
        self.are_done = True

    def stand_in(self, error: ImportError, module: str, name: str | None) -> Absent:
        """What is bound in place of `name` of `module`, or of the package that `module` is in.

        Raises the error where it is about something else: a module is there, and cannot be imported.
        """
        if isinstance(error, ModuleNotFoundError):
            if error.name is None or not f"{module}.{name}.".startswith(f"{error.name}."):
                raise error
            what = module if name is None else f"{name} of {module}"
            return Absent(what, f"{error.name} is not installed; install it, or do without it", self)
        is_of_file = error.__traceback__ is not None and error.__traceback__.tb_next is None
        if name is None or error.name != module or not is_of_file:
            raise error
        return Absent(f"{name} of {module}", f"the {module} that is installed has no {name}", self)


def _guarded(statement: ast.stmt) -> list[ast.stmt]:
    """An import, name by name, each with its stand-in; any other statement as it is."""
    if isinstance(statement, ast.Import):
        return [_guarded_name(statement, ast.Import([alias]), alias) for alias in statement.names]
    if not isinstance(statement, ast.ImportFrom) or _is_special(statement):
        return [statement]
    names = statement.names
    return [_guarded_name(statement, ast.ImportFrom(statement.module, [each], 0), each) for each in names]


def _is_special(statement: ast.ImportFrom) -> bool:
    """Whether it is `from __future__`, from the file's own package, or of all names that there are."""
    return statement.module == "__future__" or statement.level > 0 or statement.names[0].name == "*"


def _guarded_name(statement: ast.stmt, only: ast.Import | ast.ImportFrom, alias: ast.alias) -> ast.stmt:
    """An import of one name, that may fail."""
    module = only.module if isinstance(only, ast.ImportFrom) else alias.name
    name = alias.name if isinstance(only, ast.ImportFrom) else None
    bound = alias.asname or alias.name.partition(".")[0]
    text = f"try: pass\nexcept ImportError as e: {bound} = {_STAND_IN}(e, {module!r}, {name!r})"
    [guarded] = ast.parse(text).body
    assert isinstance(guarded, ast.Try)
    guarded.body = [only]
    for node in ast.walk(guarded):
        ast.copy_location(node, statement)
    return ast.fix_missing_locations(guarded)
