"""A published verdict as a value, which shows its page in a notebook."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.history.table import table
from trueserve.transforms.publish import formatting

Json = Mapping[str, Any]

# The page brings its own policy, and has no origin in the frame: it reaches no notebook and no network.
_FRAME = Markup(
    '<iframe title="{title}" srcdoc="{page}" sandbox="allow-scripts"'
    ' style="width: 100%; height: {height}px; border: 0"></iframe>'
)
_HEIGHT = 700


@dataclasses.dataclass(frozen=True, repr=False)
class Verdict:
    """What one run found.

    Attributes:
      document: the content of verdict.json (docs/verdict.schema.json).
      path: of that verdict.json.
      report: of the page; empty where there is none.
    """

    document: Json
    path: str
    report: str
    _folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def outcome(self) -> str:
        """`ok`, `skew`, `not_examined` or `failed`."""
        return str(self.document["verdict"])

    @property
    def exit_code(self) -> int:
        """What the command would have returned."""
        return int(self.document["exit_code"])

    @property
    def headline(self) -> str:
        """The verdict in one sentence."""
        return formatting.headline(self.document)

    @property
    def incidents(self) -> Sequence[Json]:
        """The findings by cause, the worst first (docs/incidents.md)."""
        return tuple(self.document["incidents"])

    @property
    def findings(self) -> Sequence[Json]:
        """The worst first (docs/findings.md)."""
        return tuple(self.document["findings"])

    def table(self) -> pa.Table:
        """Every figure as a row, healthy features too (docs/history.md). `.to_pandas()` makes it a frame."""
        return table([self.document])

    def __repr__(self) -> str:
        return f"<Verdict {self.outcome}: {self.headline}>"

    def _repr_html_(self) -> str:
        """The page in a frame of its own; the sentence alone where the page is gone."""
        try:
            page = paths.read_bytes(self.report).decode("utf-8", "replace")
        except (InputError, OSError):
            return str(Markup("<p>{}</p>").format(self.headline))
        return str(_FRAME.format(title=f"trueserve: {self.outcome}", page=page, height=_HEIGHT))
