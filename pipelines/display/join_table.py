"""What a join found as lines of text: for a terminal, for logs, and for grep."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trueserve.transforms.publish import formatting

MAX_ROWS = 40
_MAX_FORMS = 3
_HEADER = ("feature", "differs", "mismatch", "only examples", "only requests", "match")
_COLUMNS = ("mismatch_count", "base_only", "test_only", "match_count")


def lines_of(document: Mapping[str, Any]) -> Iterator[str]:
    """The result in one sentence, what became of the rows, and the features that differ.

    Args:
      document: the content of join.json.
    """
    counts, features = document["counts"], document["features"]
    yield f"{document['result']}: {_headline(counts)}"
    yield f"keys: {_keys(counts)}"
    for side, reading in document["reading"].items():
        yield from _forms(side, reading["forms"])
    differing = [feature for feature in features if feature["diff_count"] or feature["empty_only"]]
    if differing:
        yield from _table([_HEADER, *(_row(feature, counts["compared"]) for feature in differing[:MAX_ROWS])])
    if len(differing) > MAX_ROWS:
        yield f"{len(differing) - MAX_ROWS:,} more features differ; join.json has them"


def _headline(counts: Mapping[str, int]) -> str:
    if not counts["compared"]:
        return "no pair was compared"
    share = formatting.percent(counts["mismatched"] / counts["compared"])
    return f"{counts['mismatched']:,} of {formatting.counted(counts['compared'], 'pair')} differ ({share})"


def _keys(counts: Mapping[str, int]) -> str:
    parts = [f"{counts['keys']:,} in {counts['examples']:,} examples and {counts['requests']:,} requests"]
    for name, description in (
        ("keys_only_in_examples", "only in examples"),
        ("keys_only_in_requests", "only in requests"),
        ("duplicate_keys", "several times on a side"),
        ("examples_without_key", "examples without one"),
        ("requests_without_key", "requests without one"),
    ):
        parts += [f"{counts[name]:,} {description}"] if counts[name] else []
    return ", ".join(parts)


def _forms(side: str, forms: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """What was not compared as it came."""
    for forms_of_kind, meaning in (
        ([form for form in forms if "_for_" in form["form"]], "taken for missing"),
        (
            [form for form in forms if form["form"].startswith("unknown_feature")],
            "not known, and not compared",
        ),
    ):
        if forms_of_kind:
            more = f" and {len(forms_of_kind) - _MAX_FORMS:,} more" if len(forms_of_kind) > _MAX_FORMS else ""
            yield f"{side}: {', '.join(map(_form, forms_of_kind[:_MAX_FORMS]))}{more}: {meaning}"


def _form(form: Mapping[str, Any]) -> str:
    name = formatting.name(form["feature"]) if form["feature"] else "others"
    relation = "in" if "unknown" in form["form"] else form["form"].replace("_", " ")
    return f"{name} {relation} {formatting.counted(form['rows'], 'row')}"


def _row(feature: Mapping[str, Any], compared: int) -> tuple[str, ...]:
    share = formatting.percent((feature["diff_count"] + feature["empty_only"]) / compared)
    name = formatting.name(feature["feature"], 40) if feature["feature"] else "(all others)"
    return (name, share, *(f"{feature[column]:,}" for column in _COLUMNS))


def _table(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for name, *figures in rows:
        cells = [figure.rjust(width) for figure, width in zip(figures, widths[1:], strict=True)]
        yield "  ".join([name.ljust(widths[0]), *cells])
