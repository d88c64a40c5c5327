"""Imports of a whole program, made once for a process."""

from __future__ import annotations

import contextlib
import gc
import importlib
import importlib.metadata
import sys
from collections.abc import Iterator, Mapping
from typing import Any


def import_once(name: str) -> Any:
    """The module of this name; what exists after its first import is left out of garbage collection.

    None of it is garbage, and looking for some took a quarter of the 4 s that TensorFlow and Beam need.
    """
    if name in sys.modules or not gc.isenabled():
        return importlib.import_module(name)
    gc.disable()
    try:
        with _without_package_names():
            return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


@contextlib.contextmanager
def _without_package_names() -> Iterator[None]:
    """In the context nobody learns which package a module is from.

    google.api_core asks on a Python that it will soon leave behind, for the words of a warning that is not
    shown. The answer takes 0.2 s: the metadata of every package that is installed are read.
    """
    known = importlib.metadata.packages_distributions
    importlib.metadata.packages_distributions = _no_names
    try:
        yield
    finally:
        importlib.metadata.packages_distributions = known


def _no_names() -> Mapping[str, list[str]]:
    return {}
