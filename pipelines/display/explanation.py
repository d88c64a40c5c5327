"""An incident explained: what was measured, what it was held against, and what decided."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from trueserve.transforms.publish import formatting, incident_text
from trueserve.transforms.verdict.evidence.feature_difference import KOLMOGOROV

Json = Mapping[str, Any]
_LONGEST = 600
_METRICS = {
    "kolmogorov_smirnov": "the largest difference of the two distribution functions",
    "total_variation": "half the sum of the differences of the shares",
    "missing_share_difference": "the difference of the shares of rows without a value",
    "unseen_share": "the share of new values, less what training leads to expect",
    "list_length": "the largest difference of how many values a row has",
    "positions": "the least share of rows that must differ at a position",
    "dependence": "the part by which the ties to other features are weaker",
}
# By hand and by the program within this part, in logarithms: the document does not hold all that decides.
_AGREES = 0.15


def lines(document: Json, incident: Json) -> list[str]:
    """The whole explanation of one incident, from the content of verdict.json."""
    findings = sorted((f for f in document["findings"] if f.get("incident") == incident["id"]), key=_order)
    numbers = {(n["space"], n["feature"]): n for n in document["features"]}
    text = [incident_text.heading(incident), f"  id {incident['id']}", *_facts(document, incident)]
    for number, finding in enumerate(findings, 1):
        text += [f"{number}. {_subject(finding)}", *(f"   {line}" for line in _steps(finding, numbers))]
    return [*text, f"What to do: {incident['what_to_do']}"]


def _order(finding: Json) -> tuple[int, int, bool]:
    """Errors first; the rows as a whole before slices; raw features before what is computed from them."""
    severity = ("error", "warning", "info").index(finding["severity"])
    space = ("raw", "transformed", "prediction", "set").index(finding["space"])
    return severity, space, finding["slice"] is not None


def _facts(document: Json, incident: Json) -> Iterator[str]:
    rows = formatting.counted(document["counts"]["compared"], "row")
    yield f"  window {formatting.window(document['window'])}; {rows} compared"
    if incident["share"] is not None:
        yield f"  affected: {formatting.percent(incident['share'])} of the rows"
    if text := incident_text.harm(incident):
        yield f"  {text}"


def _subject(finding: Json) -> str:
    where = f", {formatting.visible(finding['slice'], 200)}" if finding["slice"] else ""
    kind = f"{finding['space']}{where}, {finding['kind']}"
    return f"{finding['severity']}: {formatting.name(finding['feature'])} ({kind})"


def _steps(finding: Json, numbers: Mapping[tuple[str, str], Json]) -> Iterator[str]:
    yield formatting.visible(finding["message"], _LONGEST)
    evidence = finding["evidence"]
    if evidence is not None:
        yield _does_it_matter(evidence)
        yield from _is_it_noise(evidence)
        yield from _season(evidence["natural"])
        yield from _parts(evidence["parts"])
    if measured := numbers.get((finding["space"], finding["feature"])):
        yield from _measured(measured)
    if diagnosis := finding["diagnosis"]:
        cause = f"{formatting.visible(diagnosis['cause'])}, confidence {diagnosis['confidence']:.2f}"
        yield f"cause: {cause}: {formatting.visible(diagnosis['evidence'], _LONGEST)}"
    if finding["raw_features"]:
        yield f"computed from {formatting.listed(list(finding['raw_features']))}"


def _does_it_matter(evidence: Json) -> str:
    effect, limit = (formatting.percent(evidence[key]) for key in ("effect", "least_effect"))
    what = _METRICS.get(evidence["metric"], evidence["metric"].replace("_", " "))
    answer = "yes" if evidence["large_enough"] else "no"
    return f"Does it matter? The effect is {effect}: {what}. The limit is {limit}: {answer}."


def _is_it_noise(evidence: Json) -> Iterator[str]:
    p_value, limit = (_probability(evidence[key]) for key in ("p_value", "p_limit"))
    answer = "no" if evidence["beyond_chance"] else "it may be"
    size = evidence["effective_rows"]
    rows = f"as uncertain as {formatting.counted(size, 'row')} of one sample"
    yield f"Is it chance? p {p_value}, {rows}; the largest p that counted is {limit}: {answer}."
    if (by_hand := _kolmogorov(evidence)) is not None:
        root = f"sqrt({size:,})"
        x = f"({root} + 0.12 + 0.11 / {root}) x {evidence['effect']:.4f}"
        yield f"By hand: x = {x}; p = 2 exp(-2 x^2), {_probability(by_hand)}."


def _kolmogorov(evidence: Json) -> float | None:
    """Stephens' approximation of Kolmogorov's p-value; None where the document does not hold all it needs."""
    size, known = evidence["effective_rows"], evidence["p_by_chance"]
    if evidence["metric"] != KOLMOGOROV or not size:
        return None
    root = math.sqrt(size)
    p_value = min(2 * math.exp(-2 * ((root + 0.12 + 0.11 / root) * evidence["effect"]) ** 2), 1.0)
    if min(p_value, known) <= 1e-300:
        return p_value if max(p_value, known) <= 1e-300 else None
    apart = abs(math.log(p_value) - math.log(known))
    return p_value if apart <= max(_AGREES * abs(math.log(known)), _AGREES) else None


def _season(seasonal: Json | None) -> Iterator[str]:
    if seasonal is None:
        return
    unit, matched = f"{seasonal['unit']}s", seasonal["matched"]
    which = f"the {matched:,} {unit} of its season and weekday" if matched else f"all {unit}"
    half, most, p_value = seasonal["median"], seasonal["most"], _probability(seasonal["p_value"])
    yield (
        f"Is it the season? The window lies {seasonal['distance']:.4f} out; of training's {which} half lie"
        f" {half:.4f} out at most, the furthest {most:.4f} (p {p_value})."
    )


def _parts(parts: list[Json]) -> Iterator[str]:
    for part in parts:
        before, after = (formatting.percent(part[key]) for key in ("training", "serving"))
        yield f"moved: {formatting.visible(part['label'], 80)}: {before} of training, {after} of serving"


def _measured(numbers: Json) -> Iterator[str]:
    if numbers["missing_share"] is not None:
        after, before = (
            formatting.percent(numbers[key]) for key in ("missing_share", "training_missing_share")
        )
        yield f"missing: {after} of serving, {before} of training"
    if numbers["psi"] is not None:
        yield f"population stability index: {formatting.number(numbers['psi'])}"


def _probability(value: float) -> str:
    return "below 1e-12" if value < 1e-12 else f"{value:.2g}"
