"""Compiles all that is compiled, so that no later process has to."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import NamedTuple

from trueserve.transforms.compiling import code_cache

_ROOT = Path(__file__).parent.parent.parent


class WarmUp(NamedTuple):
    """How many functions were compiled, how many others were loaded, and the folders that hold them."""

    compiled: int
    loaded: int
    folders: list[Path]


def warm_up() -> WarmUp:
    """Imports every module with compiled functions: an import compiles what is not kept."""
    for source in code_cache.sources():
        if source.name == "__init__.py":
            continue
        importlib.import_module(".".join(("trueserve", *source.relative_to(_ROOT).with_suffix("").parts)))
    uses = code_cache.uses
    return WarmUp(uses[code_cache.COMPILED], uses[code_cache.LOADED], code_cache.kept_in())
