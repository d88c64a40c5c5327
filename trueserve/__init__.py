"""trueserve: is what we serve true to what we trained? The names of `__all__` are for others, and stay.

    import trueserve

    verdict = trueserve.validate(baseline="baseline", logs="requests.jsonl")

Importing this loads nothing heavy; a name's first use does (docs/python.md). Beside them are the packages
`trueserve.pipelines` and `trueserve.transforms`, which are no interface: they may change with any version.
Their folders stand beside this one in a checkout, and in this one where the package is installed. A project
that has a `transforms` or a `pipelines` of its own meets neither.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trueserve.pipelines.public.commands import prepare, validate
    from trueserve.pipelines.public.steps import ComputeStatistics, PublishVerdict, ReadRequests
    from trueserve.pipelines.public.verdict import Verdict
    from trueserve.transforms.core.errors import InputError, TrueserveError, UsageError

__all__ = [
    "ComputeStatistics",
    "InputError",
    "PublishVerdict",
    "ReadRequests",
    "TrueserveError",
    "UsageError",
    "Verdict",
    "prepare",
    "validate",
]

_HERE = Path(__file__).resolve().parent
_HOMES = {
    "trueserve.pipelines.public.commands": ("prepare", "validate"),
    "trueserve.pipelines.public.steps": ("ComputeStatistics", "PublishVerdict", "ReadRequests"),
    "trueserve.pipelines.public.verdict": ("Verdict",),
    "trueserve.transforms.core.errors": ("InputError", "TrueserveError", "UsageError"),
}

if not (_HERE / "pipelines").is_dir():
    __path__.append(str(_HERE.parent))


def __getattr__(name: str) -> Any:
    for module, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(module), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
