"""The questions to a fresh process, answered in this one, which has loaded TensorFlow already.

For tests of what `check` and `export` find. That they ask in a process of its own, and what it may do there,
is tested by test_check.py, test_check_refusals.py, test_export.py and test_fresh_process.py.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import pytest

from trueserve.pipelines import check, export
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.core.first_import import import_once
from trueserve.transforms.serving import parity
from trueserve.transforms.serving.fresh_process import FreshProcess
from trueserve.transforms.serving.sandboxed_main import first_line


class _Here(FreshProcess):
    def __init__(self, module: str) -> None:
        self.sandbox = {}
        self._module = import_once(module)

    def ask(self, line: str, failed: str) -> Any:
        """The answer as it would come from the process, and its first line where that fails."""
        try:
            return json.loads(json.dumps(self._module.answer(line)))
        except Exception as error:
            raise InputError(failed.replace("%s", f"{type(error).__name__}: {first_line(error)}")) from error


@contextlib.contextmanager
def process_here(module: str = parity.__name__, *limits: Any) -> Iterator[FreshProcess]:
    """What takes the place of `fresh_process`."""
    yield _Here(module)


@contextlib.contextmanager
def asked_here() -> Iterator[None]:
    """In the context `check` and `export` start no process."""
    with pytest.MonkeyPatch.context() as patch:
        for command in (check, export):
            patch.setattr(command, "fresh_process", process_here)
        yield
