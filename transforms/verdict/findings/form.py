"""What the readers counted beside the rows: values of another type, columns that are not in the schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from trueserve.transforms.core.accounting import MORE_UNKNOWN, UNTRANSFORMABLE
from trueserve.transforms.verdict.findings import schema as schema_findings
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import UNKNOWN_FEATURE, ComparedPair
from trueserve.transforms.verdict.wording import percent

# Column names come from strangers: a request could bring a new one each.
MOST_NEW_COLUMNS = 20

_TYPE_NAMES = {
    "int": "integers",
    "float": "floats",
    "bytes": "strings",
    "boolean": "booleans",
    "object": "objects",
    "long_int": "integers beyond 64 bits",
    "bad_mask": "values whose NAME/present does not fit them",
}


def type_findings(pair: ComparedPair) -> Iterator[Finding]:
    """One error for each feature whose values came in another type, with the share of rows."""
    for name, forms in sorted(pair.of_other_type.items()):
        share = min(forms.total() / pair.rows, 1.0) if pair.rows else 1.0
        rows = f"{percent(share)} of rows ({forms.total():,})"
        form = min(forms, key=lambda key: (-forms[key], key))
        yield Finding(
            feature=name,
            space=pair.reference.space,
            kind=FindingKind.TYPE,
            severity=Severity.ERROR,
            metric=form,
            message=f"{_type_message(forms)} in {rows}, left out as missing",
        )


def in_space(space: Space, forms: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """The counts that concern a space: the graph's own in the transformed one, all others in the raw one."""
    transformed = space is Space.TRANSFORMED
    kept = {key: rows for key, rows in forms.items() if (key == UNTRANSFORMABLE) is transformed}
    return Counter(kept) if space in (Space.RAW, Space.TRANSFORMED) else Counter()


def untransformable(pair: ComparedPair) -> Iterator[Finding]:
    """One error for the rows that the transform graph refused."""
    rows = pair.forms[UNTRANSFORMABLE]
    if rows > 0:
        share = percent(min(rows / pair.rows, 1.0)) if pair.rows else percent(1.0)
        message = (
            f"{rows:,} rows ({share}) could not be transformed: the graph refused them, or other rows"
            " of their batch. Their transformed features count as missing"
        )
        space, form = pair.reference.space, UNTRANSFORMABLE[1]
        yield Finding("", space, FindingKind.TYPE, Severity.ERROR, form, message)


def _type_message(forms: Counter[str]) -> str:
    came = sorted({_type_name(form.split("_for_")[0]) for form in forms})
    expected = sorted({_type_name(form.split("_for_")[1]) for form in forms})
    return f"{' and '.join(came)} came where the schema has {' and '.join(expected)}"


def _type_name(form: str) -> str:
    return _TYPE_NAMES.get(form, form)


def new_columns(pair: ComparedPair) -> Iterator[Finding]:
    """A finding for each new column, the most frequent first, and one for all beyond the first twenty."""
    rows_by_column = {
        name: rows for (name, form), rows in pair.forms.items() if form == UNKNOWN_FEATURE and rows > 0
    }
    names = sorted(rows_by_column, key=lambda name: (-rows_by_column[name], name))
    for name in names[:MOST_NEW_COLUMNS]:
        level, message = schema_findings.new_column(pair, name, rows_by_column[name])
        yield Finding(
            name, pair.reference.space, FindingKind.VALUES, level, schema_findings.NEW_COLUMN, message
        )
    more, beyond = len(names) - MOST_NEW_COLUMNS, pair.forms[MORE_UNKNOWN]
    if more > 0:
        message = f"{more:,} more columns that training did not have"
        if beyond:
            message = (
                f"more than {message}: those beyond {len(names):,} have {beyond:,} values, uncounted by name"
            )
        yield Finding(
            "", Space.SET, FindingKind.VALUES, Severity.WARNING, schema_findings.NEW_COLUMN, message
        )
