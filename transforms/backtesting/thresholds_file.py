"""`thresholds.toml` as it is written: what is read back is the same, with a comment beside each limit."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Iterator, Mapping

from trueserve.transforms.backtesting.suggest import LimitKey, Suggestion
from trueserve.transforms.files.windows import iso_duration
from trueserve.transforms.verdict.model import Space
from trueserve.transforms.verdict.thresholds import BUDGET, FORMAT, Override, Thresholds
from trueserve.transforms.verdict.wording import plain

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def raised(thresholds: Thresholds, suggestions: Iterable[Suggestion]) -> Thresholds:
    """The limits with those that are suggested in the place of today's; all else stays."""
    features = dict(thresholds.features)
    for suggestion in suggestions:
        feature = (Space(suggestion.key.space), suggestion.key.feature)
        own = features.get(feature, Override())
        limits = {**own.limits, suggestion.key.limit: suggestion.suggested}
        features[feature] = dataclasses.replace(own, limits=limits)
    return dataclasses.replace(thresholds, features=features)


def render(thresholds: Thresholds, head: Iterable[str], comments: Mapping[LimitKey, str]) -> bytes:
    """The file; `head` is lines of comment at its top, `comments` stand above limits."""
    lines = [*(_comment(line) for line in head), "", f"format = {FORMAT}"]
    if thresholds.vectors is not None:
        lines.append(f"vectors = [{', '.join(map(_string, sorted(thresholds.vectors)))}]")
    if thresholds.budget != BUDGET:
        lines += ["", "[alarms]", f"budget = {_string(iso_duration(thresholds.budget))}"]
    if thresholds.defaults:
        lines += ["", "[defaults]", *(f"{key} = {value!r}" for key, value in thresholds.defaults.items())]
    for (space, name), own in sorted(thresholds.features.items()):
        lines += ["", f"[{space.value}.{_key(name)}]", *_override(space, name, own, comments)]
    return ("\n".join(lines) + "\n").encode()


def _override(space: Space, name: str, own: Override, comments: Mapping[LimitKey, str]) -> Iterator[str]:
    for key, value in own.limits.items():
        if comment := comments.get(LimitKey(space, name, key)):
            yield _comment(comment)
        yield f"{key} = {value!r}"
    if own.severity is not None:
        yield f"severity = {_string(own.severity.value)}"
    if own.note:
        yield f"note = {_string(own.note)}"


def _comment(text: str) -> str:
    return f"# {plain(text)}".rstrip()


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    """A basic string of TOML, which JSON's are but for DEL."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
