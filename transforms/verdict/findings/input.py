"""Why a run failed or examined nothing: the findings of kind `input`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from trueserve.transforms.core.accounting import ABSENT_TIME, UNREAD_TIME, Accounting
from trueserve.transforms.core.batches import Fault, Window
from trueserve.transforms.logs.rows.parse_time import FORMS
from trueserve.transforms.verdict.evidence import power
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Slice, Space
from trueserve.transforms.verdict.severity import Policy
from trueserve.transforms.verdict.wording import iso, listing, percent, plain

_MOST_FAULTS = 20
#: Where so large a share of the features could not show a change, that none was seen says nothing.
MOST_WITHOUT_POWER = 0.5


def why_failed(accounting: Accounting, faults: Sequence[Fault], policy: Policy) -> Iterable[Finding]:
    sorted_faults = sorted(
        set(faults), key=lambda f: (f.file, -1 if f.offset is None else f.offset, f.reason, f.detail)
    )
    for fault in sorted_faults[:_MOST_FAULTS]:
        yield _input(Severity.ERROR, fault.reason, str(fault))
    if len(sorted_faults) > _MOST_FAULTS:
        yield _input(Severity.ERROR, "more_faults", f"{len(sorted_faults) - _MOST_FAULTS:,} more faults")
    share = accounting.total_rejected / accounting.read if accounting.read else 0.0
    if share > policy.max_rejects:
        yield _input(Severity.ERROR, "rejects", _too_many_rejects(accounting, share, policy))
    if accounting.balance() != 0:
        yield _input(Severity.ERROR, "accounting", _out_of_balance(accounting))


def _too_many_rejects(accounting: Accounting, share: float, policy: Policy) -> str:
    reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(accounting.rejected.items()))
    rejected = (
        f"{accounting.total_rejected:,} of {accounting.read:,} records ({percent(share)}) were rejected"
    )
    return (
        f"{rejected} ({reasons}); --max_rejects={policy.max_rejects:g} allows {percent(policy.max_rejects)}"
    )


def _out_of_balance(accounting: Accounting) -> str:
    return f"{accounting.read:,} records were read, of which {accounting.balance():,} are not accounted for"


def why_nothing(
    window: Window,
    accounting: Accounting,
    compared: Sequence[ComparisonResult],
    policy: Policy,
    seen: Window | None,
) -> Iterable[Finding]:
    least = max(policy.min_rows, 1)
    if accounting.compared < least:
        yield _input(Severity.INFO, "too_few_rows", _too_few(window, accounting, least, seen))
    elif not any(comparison.examined for comparison in compared):
        yield _input(
            Severity.INFO,
            "nothing_comparable",
            "no feature could be compared; see `not_compared` in verdict.json",
        )


def _too_few(window: Window, accounting: Accounting, least: int, seen: Window | None) -> str:
    message = "no rows were compared"
    if accounting.compared:
        message = f"only {accounting.compared:,} rows were compared, fewer than the {least:,} asked for"
    reasons = "; ".join(hints(window, accounting, seen))
    return f"{message}: {reasons}" if reasons else message


def hints(window: Window, accounting: Accounting, seen: Window | None) -> Iterable[str]:
    """Why so few rows were compared, as far as the counts tell; `seen`: the span of the times met."""
    if accounting.read == 0:
        yield "the input holds no records"
    if accounting.no_time:
        yield from _why_no_time(accounting)
    if accounting.outside_window:
        outside = f"{accounting.outside_window:,} of {accounting.read:,} records lie outside {_span(window)}"
        yield (
            outside
            if seen is None
            else f"{outside}; their times go from {iso(seen.start)} to {iso(seen.end)}"
        )
    if accounting.total_excluded:
        reasons = ", ".join(f"{reason} {count:,}" for reason, count in sorted(accounting.excluded.items()))
        yield f"{accounting.total_excluded:,} of {accounting.read:,} records left out ({reasons})"


def _why_no_time(accounting: Accounting) -> Iterable[str]:
    of_all = f"of {accounting.read:,} records"
    reasons = {UNREAD_TIME: "no time in a form that is read, such as " + FORMS, ABSENT_TIME: "no value"}
    forms = {key: rows for key, rows in sorted(accounting.forms.items()) if key[1] in reasons}
    for (feature, form), rows in forms.items():
        yield f"in {rows:,} {of_all} {plain(feature)} holds {reasons[form]}"
    if not forms:
        yield (
            f"{accounting.no_time:,} {of_all} have no time; "
            "name the feature that holds it with --time_feature, or leave out the window"
        )


def _span(window: Window) -> str:
    return f"[{iso(window.start) or '-'}, {iso(window.end) or '-'})"


def _input(level: Severity, metric: str, message: str) -> Finding:
    return Finding("", Space.SET, FindingKind.INPUT, level, metric, message)


def least_visible(compared: Sequence[ComparisonResult]) -> float | None:
    return min(
        (comparison.least_visible for comparison in compared if comparison.least_visible is not None),
        default=None,
    )


def too_little(
    accounting: Accounting, compared: Sequence[ComparisonResult], policy: Policy
) -> Iterable[Finding]:
    """Why no finding means nothing: what was asked for was not compared, or could not have shown a change."""
    for comparison in compared:
        if comparison.nothing:
            message = f"{comparison.nothing}; see `not_compared` in verdict.json"
            yield _input(Severity.INFO, "nothing_comparable", message)
    yield from _left_out(compared, policy)
    yield from _without_power(compared, policy)
    least = least_visible(compared)
    if least is not None and least > power.LARGE:
        rows = f"only {accounting.compared:,} row{'s'[: accounting.compared != 1]} were compared"
        message = (
            f"{rows}; so few cannot show a change in less than {percent(least)} of rows. Compare more rows"
        )
        yield _input(Severity.INFO, "too_few_rows", message)


def no_slice(slices: Sequence[Slice]) -> Iterable[Finding]:
    """That slices were asked for, and none of them could be compared."""
    if slices and not any(each.is_compared for each in slices):
        message = (
            f"none of {len(slices):,} slices could be compared: the baseline keeps too few training rows of"
            " each, or none, if it was adopted without examples or an older trueserve made it; make it again"
            " with the examples"
        )
        yield _input(Severity.INFO, "no_slice", message)


def _without_power(compared: Sequence[ComparisonResult], policy: Policy) -> Iterable[Finding]:
    """That half of the features could not show a change, nor could what is computed from them."""
    distances = [distance for comparison in compared for distance in comparison.distances]
    seen = {raw for distance in distances for raw in (distance.feature, *distance.raw_features)}
    spaces = [Space.RAW, Space.TRANSFORMED]
    by_space = {comparison.space: comparison for comparison in compared if comparison.space in spaces}
    space = next((space for space in spaces if space in by_space), None)
    if space is None:
        return
    without = by_space[space].without_power
    wanted = (without | {distance.feature for distance in by_space[space].distances}) - policy.ignore
    hidden = without - seen - policy.ignore
    if hidden and len(hidden) >= MOST_WITHOUT_POWER * len(wanted):
        message = (
            f"{len(hidden):,} of {len(wanted):,} {space} features could not show even a large change:"
            f" {listing(sorted(hidden))}; see `not_compared` in verdict.json"
        )
        yield _input(Severity.INFO, "no_power", message)


def _left_out(compared: Sequence[ComparisonResult], policy: Policy) -> Iterable[Finding]:
    """What --only names and was not compared, and that --ignore leaves nothing that could count."""
    examined = [finding for comparison in compared for finding in comparison.examined]
    missed = sorted(name for name in policy.only if not any(_is_of(finding, name) for finding in examined))
    if missed:
        reasons = {left.feature: left.reason for comparison in compared for left in comparison.not_compared}
        named = ", ".join(f"{plain(name)} ({reasons.get(name, 'no such rows')})" for name in missed)
        yield _input(
            Severity.INFO, "only_not_compared", f"--only names features that were not compared: {named}"
        )
    if policy.ignore and all(finding.feature in policy.ignore for finding in examined):
        message = "--ignore leaves no feature whose difference would count; ignore fewer"
        yield _input(Severity.INFO, "all_ignored", message)


def _is_of(finding: Finding, name: str) -> bool:
    """Whether a finding is of this feature, of one in this struct, or of one that is computed from it."""
    return finding.feature == name or finding.feature.startswith(f"{name}.") or name in finding.raw_features
