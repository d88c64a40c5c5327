"""Verdicts, findings and pictures to draw, and text that strangers might send."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from typing import Any

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Window
from trueserve.transforms.verdict.histograms import FeaturePicture
from trueserve.transforms.verdict.model import Finding, FindingKind, NotCompared, Severity, Space
from trueserve.transforms.verdict.result import Verdict, VerdictOutcome

HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>",
    "&lt;b&gt;&#x3c;script&#x3e;",
    "../../etc/passwd",
    "</title></style></svg><script>",
    "-->]]>{{7*7}}${x}$policy",
    "[red]markup[/red]",
    "line\nbreak\rand\ttab",
    "\x00\x07\x08\x1b[31m\x1b]0;title\x07",
    "\u202egnp.exe\u2028\u200b\ufeff",
    "\ud800 half",
    "x" * 100_000,
    " ",
    "ﷺ漢字🛩️é",
]

JULY = Window(dt.datetime(2013, 7, 1, tzinfo=dt.UTC), dt.datetime(2013, 8, 1, tzinfo=dt.UTC))
COUNTS = Accounting(
    read=1000, decoded=990, rejected=Counter({"not_a_tf_example": 10}), rows=990, compared=990, files=2
)


def make_verdict(
    outcome: str,
    findings: Sequence[Finding] = (),
    not_compared: Sequence[NotCompared] = (),
    accounting: Accounting = COUNTS,
    contract: dict[str, Any] | None = None,
) -> Verdict:
    return Verdict(VerdictOutcome(outcome), JULY, accounting, tuple(findings), tuple(not_compared), contract)


def make_finding(
    feature: str, severity: str = "error", message: str = "its distribution moved", **more: Any
) -> Finding:
    values: dict[str, Any] = {
        "space": Space.RAW,
        "kind": FindingKind.DISTRIBUTION,
        "metric": "jensen_shannon_divergence",
        "distance": 0.42,
        "threshold": 0.1,
        **more,
    }
    return Finding(feature=feature, severity=Severity(severity), message=message, **values)


def make_numbers(feature: str, space: Space = Space.RAW, shift: float = 0.0) -> FeaturePicture:
    """A bell over 0..1000 in training, moved right by `shift` in serving."""
    edges = tuple(50.0 * i for i in range(21))
    was, now = _bell(edges, 400), _bell(edges, 400 + shift)
    return FeaturePicture(feature, space, "number", _names(20), was, now, edges, 0.01, 0.02, 9000, 990)


def make_categories(
    feature: str, labels: Sequence[str] = ("UA", "B6", "EV", "DL"), space: Space = Space.RAW, turn: int = 0
) -> FeaturePicture:
    """Shares that halve from one label to the next; serving's are turned by `turn` labels."""
    weights = [2.0**-i for i in range(len(labels))]
    was = tuple(weight / sum(weights) for weight in weights)
    now = was[turn:] + was[:turn]
    return FeaturePicture(feature, space, "category", tuple(labels), was, now, (), 0.0, 0.0, 9000, 990)


def _names(count: int) -> tuple[str, ...]:
    return tuple(f"bin {i}" for i in range(count))


def _bell(edges: Sequence[float], middle: float) -> tuple[float, ...]:
    heights = [
        math.exp(-(((low + high) / 2 - middle) ** 2) / 40_000) for low, high in itertools.pairwise(edges)
    ]
    return tuple(height / sum(heights) for height in heights)


class Parsed(HTMLParser):
    """The page as a browser takes it apart: tags, attributes and text."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: list[tuple[str, str]] = []
        self.pieces: list[str] = []
        self.open: list[str] = []
        self.feed(html.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in {"meta", "input", "path", "circle"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.pieces.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.pieces).split())


def with_previous(result: Verdict, **fields: Any) -> Verdict:
    window = {"start": "2013-06-01T00:00:00Z", "end": "2013-07-01T00:00:00Z"}
    previous = {"run": "r", "path": "p", "window": window, "verdict": "ok", "spaces": ["raw"], "windows": 7}
    return dataclasses.replace(result, previous=previous | {"since": None} | fields)
