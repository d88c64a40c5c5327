"""Where a job failed, without what it failed on: texts of exceptions quote values of requests."""

from __future__ import annotations

import dataclasses
import os
import re
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from trueserve.transforms.core.errors import TrueserveError

_OUR_ERRORS: tuple[type[TrueserveError], ...] = (TrueserveError, *TrueserveError.__subclasses__())
_OUR_PREFIXES = tuple(f"{error.__module__}.{error.__qualname__}: " for error in _OUR_ERRORS)
# A runner hands on what happened in a worker as the text of a traceback: frames, lines of source beneath
# them, indented, and after the last one the exception's class and text.
_FRAME = re.compile(r'^  File "([^"\n]+\.py|<[\w .]+>)", line (\d+), in ([\w<>.]+)$')
_ERROR = re.compile(r"^([A-Za-z_][\w.]*)(?=: |:?$)")


@dataclasses.dataclass(frozen=True)
class ExceptionSummary:
    """One exception of a chain.

    Attributes:
      kind: its class.
      frames: `file:line in function`, the innermost last; no source.
      text: what it says, only if it is an error of ours, whose texts hold no payload.
    """

    kind: str
    frames: tuple[str, ...]
    text: str = ""


def parts_of(error: BaseException) -> list[ExceptionSummary]:
    """The exception, what caused it, and what workers told of in its text; the cause first."""
    chain: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in chain:
        chain.append(current)
        current = current.__cause__ or current.__context__
    return [
        part
        for exception in reversed(chain)
        for part in (*_exceptions_in(str(exception)), _summary_of(exception))
    ]


def unexpected(error: Exception) -> str:
    """Where an error arose that nobody foresaw; without its text, which may hold a request's values.

    What an operating system says (no space left, permission denied) holds none.
    """
    frame = traceback.extract_tb(error.__traceback__)[-1]
    location = f"{Path(frame.filename).name}:{frame.lineno}"
    if isinstance(error, OSError) and error.errno and error.strerror:
        file = "" if error.filename is None else f"{error.filename}: "
        return f"{file}{os.strerror(error.errno)} (at {location} in {frame.name}); fix that and run again"
    return f"unexpected {type(error).__name__} at {location} in {frame.name}; please report it"


def summary(parts: Sequence[ExceptionSummary]) -> str:
    """One line: the text of an error of ours, or else the first cause's class and where it arose."""
    if text := next((part.text for part in parts if part.text), None):
        return " ".join(text.split())
    cause = next((part for part in parts if part.frames), parts[-1])
    return f"{cause.kind} at {_short_location(cause.frames[-1])}" if cause.frames else cause.kind


def report(parts: Sequence[ExceptionSummary]) -> str:
    """All frames and classes, one a line."""
    lines = [line for part in parts for line in (*(f"  {frame}" for frame in part.frames), _line(part))]
    return "\n".join(lines) + "\n"


def _line(part: ExceptionSummary) -> str:
    return f"{part.kind}: {part.text}" if part.text else part.kind


def _summary_of(error: BaseException) -> ExceptionSummary:
    frames = tuple(f"{f.filename}:{f.lineno} in {f.name}" for f in traceback.extract_tb(error.__traceback__))
    return ExceptionSummary(
        type(error).__name__, frames, without_step(str(error)) if isinstance(error, TrueserveError) else ""
    )


def _exceptions_in(text: str) -> Iterator[ExceptionSummary]:
    """The exceptions of a traceback that is in `text`; nothing else of the text is kept."""
    frames: list[str] = []
    for line in text.splitlines():
        if frame := _FRAME.match(line):
            frames.append(f"{frame[1]}:{frame[2]} in {frame[3]}")
        elif frames and not line.startswith("  "):
            kind = _ERROR.match(line)
            yield ExceptionSummary(kind[1] if kind else "Exception", tuple(frames), _own_text(line))
            frames = []


def _own_text(line: str) -> str:
    our_prefix = next((prefix for prefix in _OUR_PREFIXES if line.startswith(prefix)), None)
    return without_step(line.removeprefix(our_prefix)) if our_prefix else ""


def without_step(text: str) -> str:
    """Without the step that Beam adds."""
    return text.split(" [while running ", 1)[0]


def _short_location(frame: str) -> str:
    location, _, function = frame.rpartition(" in ")
    return f"{Path(location).name} in {function}"
