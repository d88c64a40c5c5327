"""Numbers and strangers' text, as people read them on the page and in the console."""

from __future__ import annotations

import datetime as dt
import math
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

# Categories of characters that show nothing, move the cursor or turn the direction of the text.
_INVISIBLE = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})

NAMES_IN_SENTENCE = 3
# The metric of what moved over many windows, as in `transforms.drift.slow_drift`.
SLOW = "slow_drift"
# Likewise of the finding in place of many, as in `transforms.verdict.findings.absence`.
MOST_ABSENT = "most_features_absent"


def visible(text: str, limit: int = 120, shortened: Callable[[str, int], str] | None = None) -> str:
    """`text` on one line: characters that act or hide are spelled out, a long middle is left out.

    Or what `shortened` leaves out, such as `cut`.

    Terminal escapes, line breaks and direction overrides come back as `\\x1b`, `\\n`, `\\u202e`. This
    does not escape HTML.
    """
    shortened = shortened or shorten
    shown = shortened(text, limit)
    if shown.isprintable():  # nearly all text; none of `_INVISIBLE` is
        return shown
    return shortened("".join(map(_spelled, shown)), limit)


def name(feature: str, limit: int = 120) -> str:
    """A feature's name, made visible; one of nothing but blanks in quotes, none as `(whole set)`."""
    if not feature:
        return "(whole set)"
    return visible(feature, limit) if feature.strip() else repr(shorten(feature, limit))


def shorten(text: str, limit: int) -> str:
    """`text`, or its beginning and end with `…` between them: at most `limit` characters."""
    if len(text) <= limit:
        return text
    tail = (limit - 1) // 3
    return text[: limit - 1 - tail] + "…" + text[len(text) - tail :]


def cut(text: str, limit: int) -> str:
    """`text`, or its beginning up to the last blank that fits and `…`: at most `limit` characters."""
    if len(text) <= limit:
        return text
    start = text[: limit - 1]
    last = start.rfind(" ")
    return (start[:last] if last > limit // 2 else start) + "…"


def number(value: float) -> str:
    """Four significant digits: `0.1234`, `1,234`, `12.3M`, `1.2e-07`."""
    size = abs(value)
    if size >= 1e15 or 0 < size < 1e-4:
        return f"{value:.2g}"
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e5, "k")):
        if size >= unit:
            return _digits(value / (1e3 if suffix == "k" else unit)) + suffix
    return _digits(value)


def count(value: int) -> str:
    return f"{value:,}"


def cause(finding: Mapping[str, Any]) -> str:
    """`cause: scale or unit, confidence 0.98`; empty where no cause was looked for."""
    diagnosis = finding.get("diagnosis")
    if not diagnosis:
        return ""
    if diagnosis["cause"] == "unknown":
        return "cause: unknown"
    return f"cause: {diagnosis['cause']}, confidence {diagnosis['confidence']:.2f}"


def counted(value: int, singular: str, plural: str | None = None) -> str:
    """`1 feature`, `2 features`, `1,000 features`."""
    return f"{value:,} {singular if value == 1 else plural or singular + 's'}"


def alarms(value: float) -> str:
    """`1 alarm`, `1,000 alarms`, `6.03 alarms`: what is no whole number has three digits."""
    shown = f"{value:,.0f}" if value == int(value) else number(float(f"{value:.3g}"))
    return f"{shown} {'alarm' if value == 1 else 'alarms'}"


def percent(share: float) -> str:
    """A share in [0, 1] as a percentage; what is above zero never looks like zero."""
    value = 100 * share
    if 0 < value < 0.01:
        return "<0.01 %"
    digits = 0 if value >= 99.995 or value == 0 else 1 if value >= 10 else 2
    return f"{value:.{digits}f} %"


def size(value: float) -> str:
    """Bytes in decimal units: `12.3 MB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} TB"


def reasons(counts: Mapping[str, int]) -> str:
    """`sample 740, version 10 and 2 more`: what records were left out for, the most frequent first."""
    by_count = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{visible(reason, 40)} {times:,}" for reason, times in by_count[:NAMES_IN_SENTENCE])
    rest = len(by_count) - NAMES_IN_SENTENCE
    return f"{shown} and {rest:,} more" if rest > 0 else shown


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 4 more`; each made visible."""
    shown = [name(feature, 40) for feature in names[:NAMES_IN_SENTENCE]]
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def window(value: Mapping[str, Any]) -> str:
    """A verdict's window in words: `2013-07-01 up to 2013-08-01, UTC`."""
    start, end = (moment(value.get(key)) for key in ("start", "end"))
    if not start and not end:
        return "all times"
    if not end:
        return f"from {start}, UTC"
    return f"{start} up to {end}, UTC" if start else f"up to {end}, UTC"


def moment(value: str | None) -> str:
    """A time of verdict.json, in UTC: `2013-07-01`, or with its time if that is not midnight."""
    if value is None:
        return ""
    moment = dt.datetime.fromisoformat(value).astimezone(dt.UTC).replace(tzinfo=None)
    is_midnight = moment.time() == dt.time()
    return moment.date().isoformat() if is_midnight else moment.isoformat(" ")


def headline(verdict: Mapping[str, Any]) -> str:
    """The verdict in one sentence, from the content of verdict.json."""
    rows = counted(verdict["counts"]["compared"], "row")
    if verdict["verdict"] == "failed":
        return _why_failed(verdict)
    if verdict["verdict"] == "not_examined":
        return _first_message(verdict) or f"Too few rows to examine: {rows} compared."
    if verdict["verdict"] == "skew":
        return _what_moved(verdict, rows)
    if any(finding["severity"] == "error" for finding in verdict["findings"]):
        return _accepted(verdict, rows)
    warnings = sum(finding["severity"] == "warning" for finding in verdict["findings"])
    but = f", but {counted(warnings, 'warning')}" if warnings else ""
    reason = (verdict.get("dependence") or {}).get("reason")
    apart = f" Features were compared one by one: {visible(reason)}." if reason else ""
    return f"What was served agrees with the training data: no skew in {rows}{but}.{apart}"


def _accepted(verdict: Mapping[str, Any], rows: str) -> str:
    """Why errors fail the run no longer."""
    errors = [i for i in verdict.get("incidents", ()) if i["severity"] == "error" and i["findings"]]
    known = sum(bool(i["acknowledged"] and i["acknowledged"]["is_valid"]) for i in errors)
    lasting = len(errors) - known
    parts = [f"{counted(known, 'incident')} {_is(known)} acknowledged"] if known else []
    parts += [f"{counted(lasting, 'incident')} {_is(lasting)} not new (--fail_on=new)"] if lasting else []
    return f"No skew that counts in {rows}: {' and '.join(parts) or 'its features are ignored'}."


def _is(count: int) -> str:
    return "is" if count == 1 else "are"


def _what_moved(verdict: Mapping[str, Any], rows: str) -> str:
    # With --fail_on=warning a warning is enough for `skew`.
    severities = {finding["severity"] for finding in verdict["findings"]}
    worst = "error" if "error" in severities else "warning"
    order = {incident["id"]: at for at, incident in enumerate(verdict.get("incidents", ()))}
    worst_findings = [f for f in verdict["findings"] if f["severity"] == worst and f["feature"]]
    worst_findings.sort(key=lambda finding: order.get(finding.get("incident"), len(order)))
    if absence := next((f for f in verdict["findings"] if _says_most_are_absent(f, worst)), None):
        return f"{visible(absence['message'], 400)} In {rows}."
    if not worst_findings:
        return f"What was served differs from the training data, in {rows}."
    against_training = [finding for finding in worst_findings if finding["kind"] != "drift"]
    if not against_training:
        moved = listed(list(dict.fromkeys(finding["feature"] for finding in worst_findings)))
        return f"{moved} moved since earlier runs, in {rows}."
    worst_findings = against_training
    unsliced = [finding for finding in worst_findings if finding["slice"] is None]
    causes, effects = _causes(unsliced or worst_findings)
    are, them = ("is", "it") if len(causes) == 1 else ("are", "them")
    also = f", which affects {counted(effects, 'feature')} computed from {them}" if effects else ""
    slices = list(dict.fromkeys(finding["slice"] for finding in worst_findings))
    where = f"{rows}" if unsliced else f"{listed(slices)} alone; {rows} compared"
    return f"{listed(causes)} {are} not served as trained{also}, in {where}."


def _says_most_are_absent(finding: Mapping[str, Any], worst: str) -> bool:
    return bool(
        finding["metric"] == MOST_ABSENT and finding["severity"] == worst and finding["slice"] is None
    )


def weights(verdict: Mapping[str, Any]) -> str:
    """What weighting by sampling rates makes of the rows, in one sentence; empty where all weigh the same."""
    rows, effective = verdict["counts"]["compared"], verdict["effective_rows"]
    if effective is None:
        return ""
    equivalent = counted(effective, "row")
    return (
        f"Rows are weighted by 1 / sampling rate: {rows:,} rows are as certain as {equivalent}"
        " of equal weight."
    )


def drift_sentence(verdict: Mapping[str, Any]) -> str:
    """What moved since the last run, in one sentence; empty where that was not asked for."""
    previous = verdict.get("previous")
    if previous is None:
        return ""
    if previous["run"] is None:
        return "no earlier run: nothing to compare with"
    moved = _moved_features(verdict) if previous["spaces"] else "nothing could be compared"
    return f"since the last run ({window(previous['window'])}): {moved}{_slowly(verdict)}"


def _moved_features(verdict: Mapping[str, Any]) -> str:
    drift = [f for f in verdict["findings"] if f["kind"] == "drift" and f["feature"]]
    causes, effects = _causes([finding for finding in drift if finding["metric"] != SLOW])
    them = "it" if len(causes) == 1 else "them"
    also = f", and {counted(effects, 'feature')} computed from {them}" if effects else ""
    return f"{listed(causes)} moved{also}" if causes else "nothing moved"


def _slowly(verdict: Mapping[str, Any]) -> str:
    """What is said of the history; empty where there is none to look at."""
    windows = verdict["previous"]["windows"]
    slow, _ = _causes([f for f in verdict["findings"] if f["kind"] == "drift" and f["metric"] == SLOW])
    if slow:
        return f"; over {counted(windows, 'earlier window')} {listed(slow)} moved a little each time"
    return f"; no slow drift over {counted(windows, 'earlier window')}" if windows >= 5 else ""


def _causes(findings: list[Mapping[str, Any]]) -> tuple[list[str], int]:
    """The features to name, and how many more are only what the transform makes of these."""
    raw = {finding["feature"] for finding in findings if finding["space"] == "raw"}
    follows = {f["feature"] for f in findings if f["space"] != "raw" and raw.intersection(f["raw_features"])}
    named = [_named(f) for f in findings if f["space"] == "raw" or f["feature"] not in follows]
    return list(dict.fromkeys(named)), len(follows)


def _named(finding: Mapping[str, Any]) -> str:
    feature: str = finding["feature"]
    return f"the prediction {feature}" if finding["space"] == "prediction" else feature


def _why_failed(verdict: Mapping[str, Any]) -> str:
    reason = _first_message(verdict)
    return reason or "The input could not be read. The last published verdict stays in place."


def _first_message(verdict: Mapping[str, Any]) -> str:
    causes = [f["message"] for f in verdict["findings"] if f["kind"] == "input"]
    return visible(causes[0], 400) if causes else ""


def _digits(value: float) -> str:
    if value == int(value):
        return f"{int(value):,}"
    whole_digits = math.floor(math.log10(abs(value))) + 1
    text = f"{value:,.{max(0, 4 - whole_digits)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _spelled(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE:
        return character
    return character.encode("unicode_escape", "surrogatepass").decode("ascii")
