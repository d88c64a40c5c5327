"""One thing that the lint of a SavedModel has to say."""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

Severity = Literal["error", "warning", "info"]


@dataclasses.dataclass(frozen=True)
class LintFinding:
    """A node, an asset or an input of a SavedModel, and what is to be done about it.

    Attributes:
      rule: its id, as docs/lint.md lists them, such as `random-without-seed`.
      severity: an error makes the served model fail or differ; a warning may; an info is only to be known.
      message: one sentence that says what was found and what to do.
      node: name of the node, of the asset or of the input.
      function: library function that the node stands in, None for a node of the graph itself and for what is
        no node.
      op: of the node, empty for what is no node.
      source: the user's `FILE:LINE` that made the node, None where nothing tells it.
    """

    rule: str
    severity: Severity
    message: str
    node: str = ""
    function: str | None = None
    source: str | None = None
    op: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return dataclasses.asdict(self)
