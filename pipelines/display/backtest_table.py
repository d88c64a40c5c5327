"""What a backtest found as lines of text: for a terminal, for logs, and for grep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.files import paths
from trueserve.transforms.publish import formatting
from trueserve.transforms.verdict.wording import duration

MAX_ROWS = 40
_MAX_LENGTH = 110
_HEADER = ("window", "rows", "errors", "worst")


def lines_of(document: Mapping[str, Any], output: str) -> Iterator[str]:
    """The windows that fired with their worst finding, the limits that are suggested, and what to do next.

    Args:
      document: the content of backtest.json.
      output: the folder of the files.
    """
    windows, alarms = document["windows"], document["alarms"]
    states = [window["state"] for window in windows]
    judged = states.count("judged") + states.count("known_bad")
    count = formatting.counted(len(windows), "window")
    yield f"{count} of {duration(document['every'])}, {judged:,} judged{_other_states(states)}"
    fired = [window for window in windows if window["fired"]]
    if fired:
        yield from _table([_HEADER, *map(_row, fired[:MAX_ROWS])])
    if len(fired) > MAX_ROWS:
        yield f"{len(fired) - MAX_ROWS:,} more windows fired; backtest.json has them"
    yield (
        f"{formatting.alarms(alarms['before'])}; the budget of one alarm in {duration(document['budget'])}"
        f" allows {formatting.alarms(alarms['allowed'])}; with the suggested limits: {alarms['after']:,}"
    )
    yield from _limits(document["suggested"])
    yield from (formatting.visible(f"note: {remark}", 1000) for remark in document["remarks"])
    if document["suggested"]:
        yield formatting.visible(
            f"next: review {paths.join(output, 'thresholds.toml')}, put it into the baseline", 1000
        )


def _other_states(states: Sequence[str]) -> str:
    descriptions = (
        ("known_bad", "of them known bad"),
        ("too_few_rows", "with too few rows"),
        ("no_rows", "without rows"),
    )
    return "".join(
        f", {states.count(state):,} {description}" for state, description in descriptions if state in states
    )


def _row(window: Mapping[str, Any]) -> tuple[str, ...]:
    errors = [finding for finding in window["findings"] if finding["severity"] == "error"]
    worst = max(errors, key=lambda error: error["distance"] or 0.0)
    name = formatting.name(worst["feature"], 40)
    description = formatting.visible(f"{worst['space']}.{name}: {worst['message']}", _MAX_LENGTH)
    start = window["start"].removesuffix("T00:00:00Z")
    bad = " (known bad)" if window["state"] == "known_bad" else ""
    return (f"{start}{bad}", f"{window['rows']:,}", f"{len(errors):,}", description)


def _limits(suggested: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for limit in suggested[:MAX_ROWS]:
        name = f"{limit['space']}.{formatting.name(limit['feature'], 40)}"
        today = formatting.number(limit["today"])
        windows = formatting.counted(len(limit["over_today"]), "window")
        yield f"  {name}  {limit['limit']} = {limit['suggested']:g}, {today} today, which {windows} exceeded"
    if len(suggested) > MAX_ROWS:
        yield f"  {len(suggested) - MAX_ROWS:,} more limits; thresholds.toml has them"


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *figures, worst in rows:
        cells = [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=False)]
        yield "  ".join([name.ljust(widths[0]), *cells, worst])
