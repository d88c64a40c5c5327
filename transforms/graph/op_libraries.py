"""The packages whose ops TensorFlow knows only once they have been imported."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
from typing import Any

OP_LIBRARIES = ("tensorflow_text", "tensorflow_decision_forests", "struct2tensor")
_UNKNOWN_OP = "Op type not registered"


def import_op_libraries() -> list[str]:
    """Imports those that are installed, and gives the names of the others and of those that cannot be."""
    missing = list(OP_LIBRARIES)
    for package in OP_LIBRARIES:
        with contextlib.suppress(Exception):  # one that is broken is as good as none
            if importlib.util.find_spec(package):
                importlib.import_module(package)
                missing.remove(package)
    return missing


def load(folder: str) -> Any:
    """The SavedModel in `folder`; the packages are imported only if it does not load without.

    Raises:
      RuntimeError: it has an op that no installed package brings; and all that TensorFlow raises.
    """
    import tensorflow as tf

    try:
        return tf.saved_model.load(folder)
    except Exception as error:
        if not _unknown_op(error):
            raise
    missing = import_op_libraries()
    try:
        return tf.saved_model.load(folder)
    except Exception as error:
        if not (op := _unknown_op(error)):
            raise
        more = f"; not installed: {', '.join(missing)}" if missing else ""
        raise RuntimeError(f"TensorFlow does not know its op {op!r}{more}") from None


def _unknown_op(error: Exception) -> str | None:
    """The op that a SavedModel could not be loaded for, None if `error` says something else."""
    _, separator, rest = str(error).partition(_UNKNOWN_OP)
    return rest.strip().split("'")[1] if separator and rest.count("'") > 1 else None
