"""What the model sees that it hardly saw in training: unknown words, full end buckets, constants, no numbers.

Each is a share of a transformed feature's values that grew (of a raw one, of what is NaN or infinite: no
distribution function has these), judged by the rule of `decide`: beyond chance, over all tests of the
comparison, and large enough to matter. Where a finding says already that the feature
differs, these words are added to it: they are not a second fault.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections.abc import Iterable, Iterator

import numpy as np

from trueserve.transforms.verdict import decide
from trueserve.transforms.verdict.evidence import cdf as cdfs
from trueserve.transforms.verdict.evidence import p_values
from trueserve.transforms.verdict.evidence.rates.false_discovery import Family
from trueserve.transforms.verdict.feature_stats import View
from trueserve.transforms.verdict.findings import range as range_findings
from trueserve.transforms.verdict.model import Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.reference import ComparedPair
from trueserve.transforms.verdict.significance import TestResults
from trueserve.transforms.verdict.wording import listing, number, percent

UNKNOWN_WORDS = "unknown_word_share"
SATURATED = "saturated_bucket"
ZERO_VARIANCE = "zero_variance"
NOT_FINITE = "not_finite"

#: From which growth of the share of values on (0 to 1) it is an error; smaller, it is no finding, but for
#: `NOT_FINITE`, which is a warning then: one NaN is enough to spoil an answer.
LEAST_EFFECT = {UNKNOWN_WORDS: 0.01, SATURATED: 0.02, ZERO_VARIANCE: 0.02, NOT_FINITE: 0.01}
_KINDS = {UNKNOWN_WORDS: FindingKind.VALUES, NOT_FINITE: FindingKind.VALUES}
_SAY_VALUES = (FindingKind.DISTRIBUTION, FindingKind.VALUES)


@dataclasses.dataclass(frozen=True)
class Growth:
    """A share of values that is greater in serving than in training.

    Attributes:
      effect: by how much, 0 to 1.
      p_value: how likely chance alone makes it so.
      message: for a person.
    """

    feature: str
    metric: str
    effect: float
    p_value: float
    message: str

    @property
    def kind(self) -> FindingKind:
        return _KINDS.get(self.metric, FindingKind.DISTRIBUTION)


def added(results: TestResults, findings: Iterable[Finding]) -> list[Finding]:
    """The findings of a comparison, with those of what the model sees, or answers, among them."""
    pair, all_findings = results.pair, list(findings)
    grown, greatest_p = growths(results)
    for growth in grown:
        matters = growth.effect >= least_effect(pair, growth) or growth.metric == NOT_FINITE
        if growth.p_value <= greatest_p and matters:
            all_findings = _with_message_of(all_findings, _finding(pair, growth))
    return all_findings if pair.reference.space is Space.RAW else _with_ranges(all_findings)


def growths(results: TestResults) -> tuple[list[Growth], float]:
    """All shares that grew, whether or not they count, and the p-value up to which they are beyond chance."""
    pair = results.pair
    grown = [growth for name in results.names for growth in _of_feature(pair, name)]
    grown = [dataclasses.replace(growth, p_value=_p_value(results, growth)) for growth in grown]
    differences = [difference for of_feature in results.differences.values() for difference in of_feature]
    family = Family([*(difference.attainable for difference in differences), *(None for _ in grown)])
    p_values = [*(difference.p_value for difference in differences), *(growth.p_value for growth in grown)]
    return grown, family.greatest(p_values, pair.policy.false_alarms)


def _p_value(results: TestResults, growth: Growth) -> float:
    """By chance, and by nature too where days have cells for it: they have none for what is no number."""
    if growth.metric == NOT_FINITE:
        return growth.p_value
    return results.seasonal_p(growth.feature, growth.effect, growth.p_value)


def _finding(pair: ComparedPair, growth: Growth) -> Finding:
    kind = growth.kind
    least = least_effect(pair, growth)
    level = Severity.ERROR if growth.effect >= least else Severity.WARNING
    return Finding(
        feature=growth.feature,
        space=pair.reference.space,
        kind=kind,
        severity=Severity.INFO if decide.is_the_users(pair, growth.feature, kind) else level,
        metric=growth.metric,
        message=growth.message,
        distance=growth.effect,
        threshold=least,
        p_value=growth.p_value,
        raw_features=pair.raw_features(growth.feature),
    )


def least_effect(pair: ComparedPair, growth: Growth) -> float:
    """From which growth on it is an error: the user's limit, or ours."""
    return pair.limit(growth.feature, growth.metric, LEAST_EFFECT[growth.metric])


def _with_message_of(findings: list[Finding], new: Finding) -> list[Finding]:
    """The findings with a new one, or with its words where one that is as bad tells of the same feature."""
    for index, finding in enumerate(findings):
        same = finding.feature == new.feature and finding.kind in _SAY_VALUES
        if same and (finding.severity is new.severity or finding.severity is Severity.ERROR):
            merged = dataclasses.replace(finding, message=f"{finding.message}; {new.message}")
            return [*findings[:index], merged, *findings[index + 1 :]]
    return [*findings, new]


def _with_ranges(findings: list[Finding]) -> list[Finding]:
    """Values beyond training's range are said beside the distance that they make, not a second time."""
    beyond = [finding for finding in findings if finding.metric == range_findings.OUTSIDE_RANGE]
    others = [finding for finding in findings if finding.metric != range_findings.OUTSIDE_RANGE]
    for finding in beyond:
        others = _with_message_of(others, finding)
    return others


def _of_feature(pair: ComparedPair, name: str) -> Iterator[Growth]:
    training, serving = pair.training[name], pair.serving.get(name)
    if serving is None or not training.present or not serving.present or training.kind != serving.kind:
        return
    if pair.reference.space is not Space.RAW:
        if serving.kind == "category":
            yield from _of_ids(pair, name, training, serving)
        yield from _of_constant(pair, name, training, serving)
    if serving.kind == "number":
        yield from _of_not_finite(pair, name, training, serving)


def _of_ids(pair: ComparedPair, name: str, training: View, serving: View) -> Iterator[Growth]:
    raw = listing(pair.raw_features(name))
    if ids := pair.reference.unknown_ids.get(name):
        template = f"{{}} of the words of {raw} are out of vocabulary; in training {{}}"
        yield from _of_range(name, UNKNOWN_WORDS, training, serving, ids, template)
    if ids := pair.reference.buckets.get(name):
        for bucket, end in zip(ids, ("first", "last"), strict=True):
            template = f"the {end} bucket of {raw} has {{}} of the values; in training {{}}"
            yield from _of_range(name, SATURATED, training, serving, (bucket, bucket), template)


def _of_range(  # noqa: PLR0917 - both sides, and what is said of them
    name: str, metric: str, training: View, serving: View, ids: tuple[int, int], template: str
) -> Iterator[Growth]:
    """Growth of the share of the ids from the first to the last of `ids`."""
    before, after = _share(training, ids, unkept=training.most_unkept), _share(serving, ids, unkept=0.0)
    if after > before:
        message = template.format(percent(after), percent(before))
        yield Growth(name, metric, after - before, _p_of_shares(before, training, after, serving), message)


def _p_of_shares(before: float, training: View, after: float, serving: View) -> float:
    """That chance makes such shares of values; those of one row do not count for more than the row."""
    worth = training.worth, serving.worth
    return p_values.of_rates(before * worth[0], worth[0], after * worth[1], worth[1])


def _share(view: View, ids: tuple[int, int], unkept: float) -> float:
    """The share of these ids; one whose count was not kept is taken to have come `unkept` times."""
    counts = {int(value): count for value, count in view.counts().items()}
    known = [count for value, count in counts.items() if ids[0] <= value <= ids[1]]
    lost = ids[1] - ids[0] + 1 - len(known)
    return min((sum(known) + lost * unkept) / view.total, 1.0) if view.total else 0.0


def _of_constant(pair: ComparedPair, name: str, training: View, serving: View) -> Iterator[Growth]:
    """One value in all of serving, which is but a part of training."""
    if (only := only_value(serving)) is None:
        return
    before = _share_of(training, only)
    if before is None or before >= 1:
        return
    rows = p_values.effective_size(training.independent, serving.independent)
    p_value = math.exp(rows * math.log(before)) if before > 0 else math.exp(-rows)
    raw = listing(pair.raw_features(name)) or "the rows"
    message = (
        f"the feature is constant, one value for all of {raw}; in training {percent(before)} of values are"
        " this value"
    )
    yield Growth(name, ZERO_VARIANCE, 1 - before, p_value, message)


_CONSTANT = re.compile(r"(; )?the feature is constant, .*?; in training [^;]* of values are this value")


def without_constant(message: str) -> str:
    """A finding's message without what `_of_constant` says: of a feature without values, that is wrong."""
    return _CONSTANT.sub("", message).removeprefix("; ")


def only_value(view: View) -> str | float | None:
    """The value of all rows that have one; None where there are several."""
    if view.kind == "category":
        counts = view.counts()
        return next(iter(counts)) if len(counts) == 1 and view.proto.string_stats.unique <= 1 else None
    if view.kind == "number" and not view.not_finite:
        numbers = view.proto.num_stats
        return float(numbers.min) if numbers.min == numbers.max else None
    return None


def _share_of(view: View, value: str | float) -> float | None:
    if isinstance(value, str):
        return max(view.counts()[value], view.most_unkept if value not in view.counts() else 0.0) / view.total
    if (known := cdfs.of_view(view)) is None:
        return None
    numbers = view.proto.num_stats
    if numbers.min == numbers.max:
        return None  # one value in training, too: whichever it is, that is no loss of variance
    at = np.array([value])
    return float((known.up_to(at) - known.under(at))[0])


def _of_not_finite(pair: ComparedPair, name: str, training: View, serving: View) -> Iterator[Growth]:
    after = serving.not_finite
    shares = [view.not_finite / max(view.values, 1.0) for view in (training, serving)]
    if shares[1] > shares[0]:
        p_value = _p_of_shares(shares[0], training, shares[1], serving)
        raw = listing(pair.raw_features(name))
        made = f" made of {raw}" if raw else ""
        served = f"{number(after)} values ({percent(shares[1])}){made} are NaN or infinite"
        message = f"{served}; in training {percent(shares[0])}"
        yield Growth(name, NOT_FINITE, shares[1] - shares[0], p_value, message)
