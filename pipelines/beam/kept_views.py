"""Beam's options whose views are made once.

Beam asks for a view of its options several times for each transform. Each time it makes a parser and parses
the flags anew: a tenth of the time that a small `prepare` takes.
"""

from __future__ import annotations

import weakref
from typing import Any

from apache_beam.options.pipeline_options import PipelineOptions


class KeptViews(PipelineOptions):
    """Gives the same view again: all views share the values, so that one is as good as another."""

    def view_as(self, cls: type[Any]) -> Any:
        """The options as this class of Beam's sees them."""
        views = _VIEWS.setdefault(self, {})
        if cls not in views or views[cls]._all_options is not self._all_options:
            views[cls] = super().view_as(cls)
        return views[cls]


# Not in the options themselves: a copy must have views of its own.
_VIEWS: weakref.WeakKeyDictionary[PipelineOptions, dict[type, PipelineOptions]] = weakref.WeakKeyDictionary()
