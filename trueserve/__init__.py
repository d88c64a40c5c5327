"""The name under which both packages are imported: `trueserve.pipelines` and `trueserve.transforms`.

Their folders stand beside this one in a checkout, and in this one where the package is installed. A project
that has a `transforms` or a `pipelines` of its own meets neither.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).resolve().parent

if not (_HERE / "pipelines").is_dir():
    __path__.append(str(_HERE.parent))
