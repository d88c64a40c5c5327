"""What the file of a model says, as frozen values."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping
from typing import Any

from trueserve.pipelines.config.outlets import Outlets
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms.files import local_windows, paths
from trueserve.transforms.files.windows import Span
from trueserve.transforms.runs import series

#: Beside those of `validate`'s flag: skew is published and does not fail the run, for those who gate later.
NEVER = "never"
DAY = dt.timedelta(days=1)


@dataclasses.dataclass(frozen=True)
class WindowSettings:
    """The table `[window]`.

    Attributes:
      every: the length of a window; whole days are local days.
      timezone: a name of the IANA database.
      lateness: how long after a window its last logs come.
      complete_share: of the files and records of comparable windows the least part that is judged, 0 to 1;
        0 judges whatever came.
    """

    every: dt.timedelta = DAY
    timezone: str = "UTC"
    lateness: dt.timedelta = dt.timedelta()
    complete_share: float = 0.5

    @property
    def zone(self) -> dt.tzinfo:
        return local_windows.time_zone(self.timezone)


@dataclasses.dataclass(frozen=True)
class Retention:
    """The table `[retention]`.

    Attributes:
      keep: how long after its end a window is kept; None for ever.
      keep_runs: how many of the latest windows are kept; None for all.
    """

    keep: dt.timedelta | None = None
    keep_runs: int | None = None

    @property
    def is_limited(self) -> bool:
        return self.keep is not None or self.keep_runs is not None


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """All jobs of one model.

    Attributes:
      path: of the file.
      model: its name.
      output: the folder of the series.
      options: of `validate`, by name, without its output and its window.
      beam_args: the flags that go to Apache Beam.
      fails_on_skew: whether skew is the exit code of a run, too.
      outlets: whom verdicts are told to.
    """

    path: str
    model: str
    output: str
    options: Mapping[str, Any]
    window: WindowSettings = WindowSettings()
    retention: Retention = Retention()
    beam_args: tuple[str, ...] = ()
    fails_on_skew: bool = True
    outlets: Outlets = dataclasses.field(default_factory=Outlets)

    def folder(self, span: Span) -> str:
        """Where the runs of a window publish."""
        return series.window_folder(self.output, *span)

    def validate_options(self, span: Span, *, dry_run: bool = False) -> ValidateOptions:
        """What `validate` is asked for a window. Raises UsageError where values do not fit together."""
        start, end = span
        values = {**self.options, "output": self.folder(span), "start": start, "end": end}
        return ValidateOptions(**values, dry_run=dry_run, beam_args=self.beam_args)

    def exit_code(self, code: int) -> int:
        """The exit code of a run whose verdict has this one."""
        return 0 if code == 1 and not self.fails_on_skew else code

    def window_path(self, name: str) -> str:
        """The folder of a window by its name."""
        return paths.join(self.output, series.WINDOWS, name)
