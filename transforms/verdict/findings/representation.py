"""Values that came in a form which the schema does not ask for: numbers in quotes, null, empty text, ...

JSON has no int, float and bytes apart. Decoding takes whatever loses nothing and counts the form; forms that
are normal to a format are only counted. What stands here is foreign to every format: few such rows are a
client's slip, more are a client that differs from training. Values that could not be taken at all are errors
of type; see `findings.form`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from trueserve.transforms.verdict.evidence import noise_floor
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.wording import percent

#: The share of rows that may come in a foreign form where the baseline says nothing of it.
LET_PASS = 0.01


class _Form(NamedTuple):
    came: str
    advice: str
    severity: Severity = Severity.WARNING


_MISSING = "send a missing value as the model's signature says, or leave the feature out"
FOREIGN_FORMS = {
    "quoted_number": _Form(
        "numbers came in quotes", "send them without quotes; a server may reject quoted numbers"
    ),
    "unquoted_value": _Form(
        "numbers came without quotes where the schema has strings",
        "send them in quotes; how a number is written as text differs between clients",
    ),
    "null": _Form("null came for a value", _MISSING),
    "empty_text": _Form("empty text came where the schema has a number", _MISSING),
    "list_for_scalar": _Form("several values came where the schema has one", "send one value a row"),
    "invalid_utf8": _Form("text came that is no UTF-8", "encode it as UTF-8, or send the bytes as b64"),
    "beyond_float32": _Form(
        "numbers came that are too large for float32, and became infinite",
        "check their unit, or clip them",
        Severity.ERROR,
    ),
}


def findings(pair: ComparedPair) -> Iterator[Finding]:
    """A finding for each feature and foreign form beyond the baseline's share of rows, else beyond 1 %.

    An error where the form loses the value, a warning where the value was kept, or none was there.
    """
    for (name, form), rows in sorted(pair.forms.items()):
        if form not in FOREIGN_FORMS or rows <= 0 or not pair.rows:
            continue
        share, before = min(rows / pair.rows, 1.0), pair.reference.forms.get((name, form))
        allowed, floor = LET_PASS if before is None else before, _noise(pair, name, before, share)
        if share - allowed > (floor or 0.0):
            yield Finding(
                feature=name,
                space=pair.reference.space,
                kind=FindingKind.REPRESENTATION,
                severity=FOREIGN_FORMS[form].severity,
                metric=form,
                message=_message(form, f"{percent(share)} of rows ({rows:,})", before),
                distance=share,
                threshold=allowed,
                noise_floor=floor,
            )


def _message(form: str, where: str, before: float | None) -> str:
    known = FOREIGN_FORMS[form]
    limit = f"limit {percent(LET_PASS)}" if before is None else f"training {percent(before)}"
    return f"{known.came} in {where}, {limit}: {known.advice}"


def _noise(pair: ComparedPair, name: str, before: float | None, share: float) -> float | None:
    """How far the share may lie above the baseline's by chance; a limit that is no sample has none."""
    if before is None or name not in pair.training:
        return None
    return noise_floor.l_infinity_floor([before, share], pair.training[name].rows, pair.rows)
