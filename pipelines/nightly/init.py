"""`trueserve init`: the file of a model, with comments; what no flag says is asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from trueserve.pipelines.config import values
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.nightly.init import InitOptions
from trueserve.pipelines.nightly.template import TEMPLATE
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import local_windows, paths, windows


class _Question(NamedTuple):
    """What is asked for; `default` is taken for no answer, None for one that must be given."""

    name: str
    text: str
    default: str | None


_QUESTIONS = (
    _Question("baseline", "baseline, as written by `trueserve prepare`", "baseline"),
    _Question("logs", "logged requests, such as logs/%Y/%m/%d/*", None),
    _Question("output", "folder for the verdicts of all windows", None),
    _Question("every", "length of a window, such as P1D or PT1H", "P1D"),
    _Question("timezone", "time zone of days and hours, such as Europe/Berlin", "UTC"),
    _Question("lateness", "how long after a window its last logs come, such as PT2H", "PT2H"),
    _Question("keep", "how long a window is kept, such as P400D", "P400D"),
)
# Without a person to ask, these have no default.
_NEEDED = ("baseline", "logs", "output")


def run(options: InitOptions, console: Console) -> int:
    """Writes the file; gives 0.

    Raises:
      UsageError: it is there already, a value is none, or one is missing and nobody can be asked.
    """
    if paths.exists(options.config):
        raise UsageError(f"--config: {options.config} is there already; name another file, or delete it")
    answers = _answers(options)
    _check(answers)
    text = document(options.model or Path(options.config).stem, answers)
    try:
        paths.write_atomically(options.config, text.encode())
    except InputError as error:
        raise UsageError(f"--config: {error}") from error
    console.result("wrote", options.config)
    console.step(f"next: trueserve config check --config={options.config}")
    return 0


def document(model: str, answers: Mapping[str, str]) -> str:
    """The file, as TOML."""
    quoted = {
        name: json.dumps(text, ensure_ascii=False) for name, text in {**answers, "model": model}.items()
    }
    return TEMPLATE.format(**quoted)


def _answers(options: InitOptions) -> dict[str, str]:
    given: dict[str, Any] = vars(options)
    if sys.stdin is not None and sys.stdin.isatty():
        return {each.name: given[each.name] or _ask(each) for each in _QUESTIONS}
    if missing := [f"--{name}" for name in _NEEDED if given[name] is None]:
        raise UsageError(f"expected {', '.join(missing)}: standard input is no terminal on which to ask")
    return {each.name: given[each.name] or each.default or "" for each in _QUESTIONS}


def _ask(question: _Question) -> str:
    default = "" if question.default is None else f" [{question.default}]"
    while True:
        try:
            answer = input(f"{question.text}{default}: ").strip() or question.default
        except EOFError:
            raise UsageError(f"--{question.name}: no answer was given") from None
        if answer:
            return answer


def _check(answers: Mapping[str, str]) -> None:
    """Raises UsageError for an answer that the file could not hold."""
    for name, text in answers.items():
        try:
            if name in ("every", "keep"):
                values.duration(text)
            elif name == "lateness":
                values.duration(text, least=windows.duration("PT0S"))
            elif name == "timezone":
                local_windows.time_zone(text)
        except ValueError as error:
            raise UsageError(f"--{name}: {error}") from None
