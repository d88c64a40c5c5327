"""What an incident is called, and what to do about it: one sentence each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from trueserve.transforms.verdict.diagnosis.diagnose import MISSING_LESS
from trueserve.transforms.verdict.incidents.causes import MISSING, NEW_COLUMNS, PERFORMANCE, plain_evidence
from trueserve.transforms.verdict.incidents.incident import FeatureOfSpace, IncidentKind
from trueserve.transforms.verdict.model import Diagnosis, Finding
from trueserve.transforms.verdict.wording import plain

_SHOWN, _LONGEST_NAME, _LONGEST = 3, 40, 200
_ALL = 0.995
_SUBJECT = re.compile(r"^(integers, and )?(?:serving|values) (is|has|are) ")

_WHAT_TO_DO = {
    IncidentKind.PIPELINE: "Look at the client or the job that computes {names}.",
    IncidentKind.PREPROCESSING: "Run `trueserve check` on the served model: it preprocesses otherwise.",
    IncidentKind.MODEL: "Look at what was deployed: the model that answers is not the baseline's.",
    IncidentKind.PREDICTIONS: "Look at which model answered, and add --replay to ask it again.",
    IncidentKind.VALUES: "Find out what the new values are; if they are here to stay, train again.",
    IncidentKind.POPULATION: "Look at the traffic: a new client, country, season. If it lasts, train again.",
    IncidentKind.SEASON: "Train on rows of this season, too, or acknowledge it until it is over.",
    IncidentKind.DRIFT: "Look at what was deployed or changed between the windows.",
    IncidentKind.OTHER: "Read the finding.",
}
_TEMPLATES = {
    IncidentKind.POPULATION: "{who} moved, and no cause is known",
    IncidentKind.SEASON: "a season that training does not have: {who} {have} values of it",
    IncidentKind.VALUES: "{who} {have} values that training did not have",
    IncidentKind.PREDICTIONS: "the predictions moved, and no feature did: {who}",
    IncidentKind.DRIFT: "{who} moved since earlier windows",
}
_NEW_COLUMNS = "{who} came, which training did not have"
_MISSING_TO_DO = "Look at the source of {names}: rows come without a value."


def names(features: Sequence[FeatureOfSpace]) -> str:
    """`a`, `a and b`, `a, b and c`, `a, b, c and 4 more`; each name once, in the order given."""
    every = list(dict.fromkeys(each.feature for each in features))
    shown = [_name(feature) for feature in every[:_SHOWN]]
    if len(every) > _SHOWN:
        return f"{', '.join(shown)} and {len(every) - _SHOWN:,} more"
    return " and ".join(filter(None, [", ".join(shown[:-1]), *shown[-1:]]))


def _name(feature: str) -> str:
    shown = plain(feature)
    return shown if len(shown) <= _LONGEST_NAME else f"{shown[: _LONGEST_NAME - 1]}…"


def what_to_do(kind: IncidentKind, key: str, features: Sequence[FeatureOfSpace]) -> str:
    """The first thing to look at."""
    text = _MISSING_TO_DO if key == MISSING else _WHAT_TO_DO[kind]
    return text.format(names=names(features) or "the requests")


def title(
    kind: IncidentKind,
    key: str,
    features: Sequence[FeatureOfSpace],
    findings: Sequence[Finding],
    share: float | None,
) -> str:
    """The incident as a sentence.

    Args:
      findings: its errors and warnings, the one that says most first.
      share: of the rows affected; None where that is not known.
    """
    sentence = f"{_slices(findings)}{_sentence(kind, key, features, findings)}"
    if share is None or kind is not IncidentKind.PIPELINE or key == MISSING:
        return sentence
    return f"{sentence} {rows(share)}"


def _slices(findings: Sequence[Finding]) -> str:
    """`in version=2: ` of what slices alone have; empty where the rows as a whole have it."""
    slices = [finding.slice for finding in findings]
    if None in slices:
        return ""
    known = list(dict.fromkeys(_name(str(each)) for each in slices))
    more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
    return f"in {', '.join(known[:_SHOWN])}{more}: "


def rows(share: float) -> str:
    """`in all rows`, `in 32 % of the rows`."""
    if share >= _ALL:
        return "in all rows"
    return f"in {100 * share:.0f} % of the rows" if share >= 0.01 else "in fewer than 1 % of the rows"


def _sentence(
    kind: IncidentKind, key: str, features: Sequence[FeatureOfSpace], findings: Sequence[Finding]
) -> str:
    who, several = names(features), len({each.feature for each in features}) > 1
    if key == MISSING:
        return f"{who} {'are' if several else 'is'} {_missing(findings)}"
    if kind is IncidentKind.PIPELINE:
        return _done(who, findings, several=several)
    if kind is IncidentKind.PREPROCESSING:
        return f"{_preprocessed(who, findings, several=several)}, and the raw features agree with training"
    template = _NEW_COLUMNS if key == NEW_COLUMNS else _TEMPLATES.get(kind)
    if template is None or not who or key == PERFORMANCE:
        return _first_clause(findings[0].message)
    return template.format(who=who, have="have" if several else "has")


def _missing(findings: Sequence[Finding]) -> str:
    """From `missing in 2.0% of training and 32.0% of serving`."""
    diagnosis = next((f.diagnosis for f in findings if f.diagnosis), None)
    shares = re.findall(r"([0-9.]+)%", diagnosis.evidence) if diagnosis else []
    if diagnosis is None or len(shares) != 2:
        return "missing"
    before, after = shares
    word = "missing less" if diagnosis.cause == MISSING_LESS else "missing"
    return f"{word} in {after} % of the rows, {before} % in training"


def _done(who: str, findings: Sequence[Finding], *, several: bool) -> str:
    diagnosis = next((f.diagnosis for f in findings if f.diagnosis), None)
    if diagnosis is None:
        clause = _first_clause(findings[0].message)
        return f"{who}: {clause}" if who else clause
    return _with_subject(who, diagnosis, several=several)


def _preprocessed(who: str, findings: Sequence[Finding], *, several: bool) -> str:
    diagnosis = findings[0].diagnosis
    if diagnosis is None or diagnosis.confidence == 0:
        return f"what the model sees of {who} moved"
    return f"what the model sees: {_with_subject(who, diagnosis, several=several)}"


def _with_subject(who: str, diagnosis: Diagnosis, *, several: bool) -> str:
    """`distance is training x 1.609: kilometres for miles?`"""
    evidence = _first_clause(plain_evidence(diagnosis))
    match = _SUBJECT.match(evidence)
    if match is None:
        return f"{who}: {evidence}"
    verb = ("have" if several else "has") if match[2] == "has" else ("are" if several else "is")
    what, _, hint = evidence[match.end() :].partition(": ")
    return f"{who} {verb} {match[1] or ''}{what}{f' ({hint})' if hint else ''}"


def _first_clause(text: str) -> str:
    """What comes before the figures."""
    clause = re.split(r"; |: \d", plain(text))[0]
    return clause if len(clause) <= _LONGEST else f"{clause[: _LONGEST - 1]}…"
