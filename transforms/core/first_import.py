"""Imports of a whole program, made once for a process."""

from __future__ import annotations

import gc
import importlib
import sys
from typing import Any


def import_once(name: str) -> Any:
    """The module of this name; what exists after its first import is left out of garbage collection.

    None of it is garbage, and looking for some took a quarter of the 4 s that TensorFlow and Beam need.
    """
    if name in sys.modules or not gc.isenabled():
        return importlib.import_module(name)
    gc.disable()
    try:
        return importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()
