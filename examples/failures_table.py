"""The table of docs/failures.md: a row for each fault of the examples, and what was found of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from examples.failures import Example, Twin, TwinOutcome

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "failures.md"
BEGIN, END = "<!-- the table: python examples/failures.py --write -->", "<!-- end of the table -->"
COLUMNS = ("fault", "at deploy", "from inputs", "from transformed features", "by replay", "diagnosis")


def table(results: Sequence[tuple[Example, Twin, TwinOutcome]]) -> str:
    """Markdown: a row for each fault, and who found it; none for the right twins."""
    lines = [f"| {' | '.join(('example', *COLUMNS))} |", "| --- " * (len(COLUMNS) + 1) + "|"]
    lines += [
        f"| {' | '.join((f'`{example.name}`', twin.fault, *cells(twin, what)))} |"
        for example, twin, what in results
        if twin in example.twins
    ]
    return "\n".join(lines)


def cells(twin: Twin, result: TwinOutcome) -> Iterator[str]:
    """What was found of a fault, from the results alone: `–` where nothing was."""
    yield _named(result.check_errors())
    yield _named(_feature(finding) for finding in result.errors("raw"))
    yield _named(_feature(finding) for finding in result.errors("transformed"))
    yield _named(_feature(finding) for finding in result.replay_errors())
    yield diagnosis(twin, result)


def diagnosis(twin: Twin, result: TwinOutcome) -> str:
    """The cause that the verdict names, or for a fault of the model's what `check` says; no numbers in it."""
    if causes := result.causes(twin.feature):
        return str(causes[0]["cause"])
    if rules := [finding["rule"] for finding in result.checked["lint"] if finding["severity"] == "error"]:
        return _named(rules)
    for finding in result.checked["findings"]:
        if finding["severity"] == "error":
            return (
                f"`{finding['feature']}` is another"
                if finding["feature"]
                else finding["message"].partition(":")[0]
            )
    return _named([])


def _feature(finding: dict[str, Any]) -> str:
    return str(finding["feature"] or finding["metric"])


def _named(names: Any) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names)) or "–"


def with_table(document: str, made: str) -> str:
    """The document with this table in place of its own. Raises ValueError where it has no place for one."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not end:
        raise ValueError(f"{DOCUMENT.name} lacks {BEGIN!r} or {END!r}")
    return f"{before}{begin}\n\n{made}\n\n{end}{after}"
