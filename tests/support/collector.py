"""Importing this, before what is heavy, stops garbage collection; `resume` once all tests are imported.

Nothing that is imported is garbage, and looking for some took a third of the time in which tests are found.
"""

from __future__ import annotations

import gc

gc.disable()


def resume() -> None:
    """Collects garbage again, among what is made from now on."""
    gc.collect()
    gc.freeze()
    gc.enable()
