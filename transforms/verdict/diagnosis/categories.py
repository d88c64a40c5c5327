"""What was done to categories: known values under other spellings, one value in place of others, new ones."""

from __future__ import annotations

import functools
import itertools
import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from trueserve.transforms.verdict.diagnosis.causes import CONSTANT, MOVED, SWAPPED
from trueserve.transforms.verdict.diagnosis.fitting import UNKNOWN
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.model import Diagnosis

SPELLED, NEW = "case, white space, encoding or prefix", "new categories"

Shares = Mapping[str, float]

_LEAST = 0.75
_SURE = 0.98


class _Spelling(NamedTuple):
    description: str
    plain: Callable[[str], str]


def _mojibake(value: str) -> str:
    """UTF-8 that was read as Latin-1, put right."""
    try:
        return value.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return value


def _as_number(value: str) -> str:
    """`1.0`, `01` and ` 1` as `1`."""
    try:
        number = float(value)
    except ValueError:
        return value
    return str(int(number)) if abs(number) < 2**53 and number == int(number) else value


def _plain_letters(value: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKD", value) if not unicodedata.combining(c))


_SPELLINGS = (
    _Spelling("surrounding white space differs", str.strip),
    _Spelling("the case of letters differs", str.casefold),
    _Spelling("case and white space differ", lambda value: value.strip().casefold()),
    _Spelling("numbers are written in another form (1.0, 01)", _as_number),
    _Spelling("the encoding is another one (UTF-8 read as Latin-1)", _mojibake),
    _Spelling("the Unicode form differs", lambda value: unicodedata.normalize("NFKC", value)),
    _Spelling("quotes surround the values", lambda value: value.strip("\"'")),
    _Spelling("accents are lost or added", _plain_letters),
    _Spelling("punctuation differs", lambda value: "".join(c for c in value.casefold() if c.isalnum())),
)


def diagnose(before: Shares, after: Shares, others: Mapping[str, Shares], size: float) -> Diagnosis:
    """The cause that explains most of what moved.

    Args:
      before, after: shares (0 to 1) of training's and serving's values.
      others: training's shares of the other categorical features, by name.
      size: the effective number of rows.
    """
    candidates = [
        *_respelled(before, after),
        *_fitting(before, after, size),
        *_swapped(before, after, others),
        *_new(before, after),
    ]
    best = max(candidates, key=lambda candidate: candidate.confidence, default=None)
    if best is None or best.confidence < _LEAST / 2:
        return Diagnosis(UNKNOWN, 0.0, "no known cause fits")
    return best


def _distance(shares: Shares, other_shares: Shares) -> float:
    return (
        sum(abs(shares.get(value, 0.0) - other_shares.get(value, 0.0)) for value in {*shares, *other_shares})
        / 2
    )


def _new_share(before: Shares, after: Shares) -> dict[str, float]:
    return {value: share for value, share in after.items() if value not in before}


def _respelled(before: Shares, after: Shares) -> Iterator[Diagnosis]:
    """New values that are known ones in another spelling, and in the proportions of these."""
    new = _new_share(before, after)
    if not new:
        return
    for spelling in (*_SPELLINGS, *_affixes(before, new)):
        known: dict[str, float] = {}
        for value, share in before.items():
            plain = spelling.plain(value)
            known[plain] = known.get(plain, 0.0) + share
        explained = {value: share for value, share in new.items() if spelling.plain(value) in known}
        part = sum(explained.values()) / sum(new.values())
        if part >= _LEAST:
            evidence = _spelled_evidence(spelling, explained, new)
            yield Diagnosis(SPELLED, round(_SURE * part, 3), evidence, _share(sum(explained.values())))
            return


def _spelled_evidence(spelling: _Spelling, explained: Shares, new: Shares) -> str:
    share = sum(explained.values())
    description = _case(explained) if spelling.plain is str.casefold else spelling.description
    return (
        f"{description}: {len(explained):,} of {len(new):,} new values equal a training value apart"
        f" from that; they are {share:.1%} of served values"
    )


def _case(values: Iterable[str]) -> str:
    """How letters are written that training has in another case."""
    cases = [str(value) for value in values]
    for name, written in (("lower", str.lower), ("upper", str.upper)):
        if all(value == written(value) for value in cases):
            return f"values are in {name} case"
    return "the case of letters differs"


def _share(part: float) -> float:
    """A part of the rows, 0 to 1, as it is published."""
    return round(min(part, 1.0), 4)


def _affixes(before: Shares, new: Shares) -> Iterator[_Spelling]:
    """A prefix or suffix that all new values have, or that all known ones have and new ones lack."""
    added, known = _most_frequent(new), _most_frequent(before)
    for letters in _shortened(_common_prefix(added)):
        description = f"a prefix of {_letters(letters)} was added"
        yield _Spelling(description, functools.partial(_without_prefix, letters))
    for reversed_letters in _shortened(_common_prefix([value[::-1] for value in added])):
        description = f"a suffix of {_letters(reversed_letters)} was added"
        yield _Spelling(description, functools.partial(_without_suffix, reversed_letters[::-1]))
    for letters in _shortened(_common_prefix(known)):
        description = f"a prefix of {_letters(letters)} is lacking"
        yield _Spelling(description, functools.partial(_without_prefix, letters))


def _letters(affix: str) -> str:
    return f"{len(affix)} letter" + ("s" if len(affix) > 1 else "")


def _common_prefix(values: Sequence[str]) -> str:
    """The longest beginning that all of them have."""
    letters = itertools.takewhile(lambda characters: len(set(characters)) == 1, zip(*values, strict=False))
    return "".join(characters[0] for characters in letters)


def _most_frequent(shares: Shares) -> list[str]:
    """The fifty most frequent values, none where there are fewer than two: one has any prefix."""
    values = sorted(shares, key=lambda value: (-shares[value], value))[:50]
    return values if len(values) > 1 else []


def _shortened(letters: str) -> Iterator[str]:
    """The longest first: new values may share a beginning by chance beside the one that was added."""
    return (letters[:length] for length in range(len(letters), 0, -1))


def _without_prefix(letters: str, value: str) -> str:
    return value.removeprefix(letters)


def _without_suffix(letters: str, value: str) -> str:
    return value.removesuffix(letters)


class _Expected(NamedTuple):
    """A cause, and the shares that it leads to expect."""

    cause: str
    description: str
    shares: Shares
    part: float


def _fitting(before: Shares, after: Shares, size: float) -> Iterator[Diagnosis]:
    """The causes whose shares are near to what serving has, each as sure as the others are unlikely."""
    if len(before) < 3:
        return
    causes = [*_constant(before, after), *_moved(before, after)]
    squares = [_chi_squared(cause.shares, after, size) for cause in causes]
    weights = [math.exp(-(value - min(squares)) / 2) for value in squares]
    for cause, weight in zip(causes, weights, strict=True):
        fit = min(_fit(cause.shares, before, after, size), _fit_of_rare(cause.shares, before, after, size))
        if fit >= _LEAST:
            sure = _SURE * fit * weight / math.fsum(weights)
            evidence = f"{cause.description} (fit {fit:.3f})"
            yield Diagnosis(cause.cause, round(sure, 3), evidence, _share(cause.part))


def _fit(expected: Shares, before: Shares, after: Shares, size: float) -> float:
    """How much of the distance is explained, but for what chance leaves."""
    distance, left = _distance(before, after), _distance(expected, after)
    noise = 1.5 * p_values.expected_variation(np.array(list(expected.values())), size)
    return 1 - max(left - noise, 0.0) / distance if distance > 0 else 0.0


def _fit_of_rare(expected: Shares, before: Shares, after: Shares, size: float) -> float:
    """The same by chi-squared, to which a few rows of a value that nobody expects say much."""
    excesses = (_chi_squared(shares, after, size) - _freedom(shares, size) for shares in (before, expected))
    total, left = (max(value, 0.0) for value in excesses)
    return 1 - left / total if total > 0 else 0.0


def _chi_squared(expected: Shares, after: Shares, size: float) -> float:
    """How unlikely `after` is; values that are expected less than once count as expected once."""
    values = {*expected, *after}
    pairs = ((expected.get(value, 0.0), after.get(value, 0.0)) for value in values)
    return math.fsum((q - p) ** 2 / max(p, 1 / max(size, 1.0)) for p, q in pairs) * size


def _freedom(expected: Shares, size: float) -> float:
    """The chi-squared that chance alone makes on average."""
    return math.fsum(p * (1 - p) / max(p, 1 / max(size, 1.0)) for p in expected.values())


def _constant(before: Shares, after: Shares) -> Iterator[_Expected]:
    """One value took from all others in proportion."""
    grown = max(after, key=lambda value: after[value] - before.get(value, 0.0), default=None)
    if grown is None or before.get(grown, 0.0) >= 1:
        return
    p, q = before.get(grown, 0.0), after[grown]
    part = (q - p) / (1 - p)
    if part > 0:
        expected = {value: (1 - part) * share for value, share in before.items()}
        description = f"one value replaces others in about {part:.1%} of rows"
        yield _Expected(CONSTANT, description, expected | {grown: q}, part)


def _moved(before: Shares, after: Shares) -> Iterator[_Expected]:
    """One value lost what one other gained, and nothing else moved."""
    moved = {v: after.get(v, 0.0) - before.get(v, 0.0) for v in {*before, *after}}
    up, down = (choose(moved, key=lambda v: moved[v]) for choose in (max, min))
    part = min(moved[up], -moved[down])
    if part > 0:
        expected = {**before, up: before.get(up, 0.0) + part, down: before.get(down, 0.0) - part}
        description = (
            f"one value lost what another value gained, {part:.1%} of served values: an id that moved?"
        )
        yield _Expected(MOVED, description, expected, part)


def _swapped(before: Shares, after: Shares, others: Mapping[str, Shares]) -> Iterator[Diagnosis]:
    """New values are another feature's, in its proportions."""
    new = _new_share(before, after)
    share = sum(new.values())
    for name, other in others.items():
        if share <= 0 or not other:
            return
        part = sum(v for value, v in new.items() if value in other) / share
        scaled = {value: v / share for value, v in new.items()}
        beyond = {value: v for value, v in other.items() if value not in before}
        total = sum(beyond.values())
        if part < 0.9 or total <= 0:
            continue
        apart = _distance(scaled, {value: v / total for value, v in beyond.items()})
        if apart < 0.3:
            evidence = f"{share:.1%} of values are those of `{name}`, in its proportions"
            yield Diagnosis(SWAPPED, round(_SURE * (1 - apart / 2), 3), evidence, _share(share))


def _new(before: Shares, after: Shares) -> Iterator[Diagnosis]:
    """New values that are no others in disguise; the least that can be said."""
    new = _new_share(before, after)
    share, distance = sum(new.values()), _distance(before, after)
    if share > 0 and distance > 0 and share / distance >= _LEAST:
        evidence = f"{len(new):,} values that training did not have, {share:.1%} of served values"
        yield Diagnosis(NEW, 0.7, evidence, _share(share))
