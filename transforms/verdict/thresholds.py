"""The user's own limits, feature by feature: what `thresholds.toml` says (docs/thresholds.md shows one).

format = 1

[defaults]
distribution = 0.03

[raw.distance]
missing = 0.02
severity = "warning"
note = "moves with the season; agreed in 2026-11"

[alarms]
budget = "P90D"

[[acknowledged]]
incident = "carrier-3f2a9c"
until = 2026-12-24
note = "the client is mended in the next release"
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import windows
from trueserve.transforms.verdict.incidents import acknowledged
from trueserve.transforms.verdict.incidents.acknowledged import Acknowledged
from trueserve.transforms.verdict.model import ComparisonResult, Finding, FindingKind, Severity, Space
from trueserve.transforms.verdict.wording import listing, plain

FORMAT = 1

#: The keys of limits: the least effect (0 to 1) that matters, and the metrics that each of them is for.
LIMITS: Mapping[str, tuple[str, ...]] = {
    "distribution": ("kolmogorov_smirnov", "total_variation"),
    "missing": ("missing_share",),
    "unseen": ("unseen_share",),
    "list_length": ("list_length",),
    "positions": ("positions",),
    "unknown_words": ("unknown_word_share",),
    "saturated_bucket": ("saturated_bucket",),
    "zero_variance": ("zero_variance",),
    "not_finite": ("not_finite",),
    "dependence": ("dependence",),
}
#: Those of the section `[performance]`.
PERFORMANCE_LIMITS = ("auc_drop", "accuracy_drop", "log_loss_rise", "brier_rise", "mae_rise", "rmse_rise")
#: The limit that a metric is held against.
LIMIT_OF: Mapping[str, str] = {metric: key for key, metrics in LIMITS.items() for metric in metrics}
_OF_ALL_SPACES = ("distribution", "missing", "unseen", "list_length", "positions", "not_finite")
_OF_SPACES: Mapping[Space, tuple[str, ...]] = {
    Space.RAW: (*_OF_ALL_SPACES, "dependence"),
    Space.TRANSFORMED: tuple(key for key in LIMITS if key != "dependence"),
    Space.PREDICTION: (*_OF_ALL_SPACES, "zero_variance"),
}
_SPACES = (Space.RAW, Space.TRANSFORMED, Space.PREDICTION)
#: The time in which a job may raise one false alarm, where the file does not say.
BUDGET = dt.timedelta(days=90)
_MOST_SHOWN = 10**18
_MILDER = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclasses.dataclass(frozen=True)
class Override:
    """What is said of one feature.

    Attributes:
      limits: by key of `LIMITS`.
      severity: what its findings are at most; None leaves them as they are.
      note: shown beside its findings.
    """

    limits: Mapping[str, float] = dataclasses.field(default_factory=dict)
    severity: Severity | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Thresholds:
    """A whole file.

    Attributes:
      file: its name, for messages.
      defaults: limits of all features, by key of `LIMITS`.
      features: by space and name.
      budget: the time in which all comparisons together may raise one false alarm.
      acknowledged: the incidents that are accepted for a time.
      vectors: the features of any space that are compared position by position; None for those whose lists
        have one length in training.
      performance: how much worse than at export an estimated metric may be, by key of `PERFORMANCE_LIMITS`.
    """

    file: str = "thresholds.toml"
    defaults: Mapping[str, float] = dataclasses.field(default_factory=dict)
    features: Mapping[tuple[Space, str], Override] = dataclasses.field(default_factory=dict)
    budget: dt.timedelta = BUDGET
    vectors: frozenset[str] | None = None
    acknowledged: tuple[Acknowledged, ...] = ()
    performance: Mapping[str, float] = dataclasses.field(default_factory=dict)

    def is_vector(self, feature: str) -> bool | None:
        """Whether the feature is compared position by position; None where the file says nothing of it."""
        return None if self.vectors is None else feature in self.vectors

    def limit(self, space: Space, feature: str, metric: str, default: float) -> float:
        """The least effect in this metric that matters; `default` where the file says nothing of it."""
        key, override = LIMIT_OF[metric], self.features.get((space, feature), Override())
        return override.limits.get(key, self.defaults.get(key, default))

    def bounded(self, finding: Finding) -> Finding:
        """The finding, no worse than its feature's may be, and with the feature's note."""
        override = self.features.get((finding.space, finding.feature))
        if override is None:
            return finding
        note = f": {override.note}" if override.note else ""
        if override.severity is not None and _MILDER[finding.severity] < _MILDER[override.severity]:
            message = f"{finding.message} ({override.severity.value} by {self.file}{note})"
            return dataclasses.replace(finding, severity=override.severity, message=message)
        if note and finding.severity is not Severity.INFO:
            return dataclasses.replace(finding, message=f"{finding.message} ({self.file}{note})")
        return finding

    def unknown(self, compared: Iterable[ComparisonResult]) -> Iterator[Finding]:
        """An info of the sections for features that the baseline does not have: it may have lost them."""
        known: dict[Space, set[str]] = {}
        for comparison in compared:
            features = {finding.feature for finding in (*comparison.findings, *comparison.distances)}
            known.setdefault(comparison.space, set()).update(
                features, (left.feature for left in comparison.not_compared)
            )
        names = [f"{space}.{name}" for space, name in self.features if name not in known.get(space, (name,))]
        of_any = set().union(*known.values())
        names += [name for name in self.vectors or () if name not in of_any]
        if names:
            message = f"{self.file} names no feature: {listing(sorted(names))}"
            yield Finding("", Space.SET, FindingKind.SCHEMA, Severity.INFO, "unknown_threshold", message)


def parse(text: bytes, file: str) -> Thresholds:
    """Reads the content of `file`.

    Raises:
      UsageError: it is no TOML, or a key or a value is none that is known.
    """
    try:
        document = tomllib.loads(text.decode())
    except (ValueError, RecursionError) as error:  # numbers of thousands of digits, too
        raise UsageError(f"{file} is no TOML: {plain(str(error))}") from error
    sections = ("vectors", "defaults", "alarms", "acknowledged", "performance", *_SPACES)
    _check_keys(file, "", document, ("format", *sections))
    if type(document.get("format")) is not int or document["format"] != FORMAT:
        raise UsageError(f"{file}: expected format = {FORMAT}, got {_shown(document.get('format'))}")
    return Thresholds(
        file=file.replace("\\", "/").rpartition("/")[2],
        defaults=_limits(
            file, "defaults", _table(file, "defaults", document.get("defaults", {})), tuple(LIMITS)
        ),
        features=dict(_features(file, document)),
        budget=_budget(file, _table(file, "alarms", document.get("alarms", {}))),
        performance=_performance(file, _table(file, "performance", document.get("performance", {}))),
        vectors=_vectors(file, document.get("vectors")),
        acknowledged=acknowledged.parse(file, document.get("acknowledged", [])),
    )


def _budget(file: str, values: Mapping[str, Any]) -> dt.timedelta:
    _check_keys(file, "alarms", values, ("budget",))
    value = values.get("budget")
    if value is None:
        return BUDGET
    try:
        budget = windows.duration(value) if isinstance(value, str) else dt.timedelta(0)
    except (ValueError, OverflowError):
        budget = dt.timedelta(0)
    if not budget:
        raise UsageError(
            f"{file}: [alarms] budget: expected the time in which one false alarm is allowed, such as P90D or"
            f" P52W, got {_shown(value)}"
        )
    return budget


def _performance(file: str, values: Mapping[str, Any]) -> Mapping[str, float]:
    """How much worse a metric may be; losses of a regression have no upper end."""
    _check_keys(file, "performance", values, PERFORMANCE_LIMITS)
    for key, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value < _MOST_SHOWN:
            raise UsageError(f"{file}: [performance] {key}: expected a number above 0, got {_shown(value)}")
    return {key: float(value) for key, value in values.items()}


def _vectors(file: str, value: Any) -> frozenset[str] | None:
    if value is None or (isinstance(value, list) and all(isinstance(name, str) for name in value)):
        return None if value is None else frozenset(value)
    raise UsageError(f"{file}: vectors: expected a list of features' names, got {_shown(value)}")


def _features(file: str, document: Mapping[str, Any]) -> Iterator[tuple[tuple[Space, str], Override]]:
    for space in _SPACES:
        for name, values in _table(file, space, document.get(space, {})).items():
            section = f'{space}."{plain(name)}"' if "." in name else f"{space}.{plain(name)}"
            yield (space, name), _override(file, section, space, _table(file, section, values))


def _override(file: str, section: str, space: Space, values: Mapping[str, Any]) -> Override:
    limits = {key: value for key, value in values.items() if key not in ("severity", "note")}
    return Override(
        limits=_limits(file, section, limits, _OF_SPACES[space]),
        severity=_severity(file, section, values.get("severity")),
        note=acknowledged.checked_note(f"{file}: [{section}]", values.get("note", "")),
    )


def _limits(
    file: str, section: str, values: Mapping[str, Any], known: tuple[str, ...]
) -> Mapping[str, float]:
    more = () if section == "defaults" else ("severity", "note")
    _check_keys(file, section, values, (*known, *more))
    for key, value in values.items():
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or not 0 < value <= 1:  # NaN is neither
            raise UsageError(
                f"{file}: [{section}] {key}: expected a number above 0 and at most 1, got {_shown(value)}"
            )
    return {key: float(value) for key, value in values.items()}


def _severity(file: str, section: str, value: Any) -> Severity | None:
    if value is None or (isinstance(value, str) and value in list(Severity)):
        return None if value is None else Severity(value)
    raise UsageError(f"{file}: [{section}] severity: expected error, warning or info, got {_shown(value)}")


def _table(file: str, section: str, value: Any) -> Mapping[str, Any]:
    if isinstance(value, dict):
        return value
    raise UsageError(f"{file}: expected a table [{section}], got {_shown(value)}")


def _check_keys(file: str, section: str, values: Mapping[str, Any], known: Iterable[str]) -> None:
    names = [str(name) for name in known]
    for key, value in values.items():
        if key in names:
            continue
        where = f"[{section}] " if section else ""
        if section and isinstance(value, dict):
            hint = f'; the name of a feature with a dot stands in quotes, [raw."{plain(f"a.{key}")}"]'
        else:
            close = difflib.get_close_matches(key, names, n=1)
            hint = f"; did you mean {close[0]}?" if close else ""
        raise UsageError(
            f"{file}: {where}{plain(key)[:80]} is no key here, which are {', '.join(names)}{hint}"
        )


def _shown(value: Any) -> str:
    if isinstance(value, dict | list):
        return "a table" if isinstance(value, dict) else "a list"  # which may be deeper than Python writes
    if isinstance(value, int) and abs(value) > _MOST_SHOWN:
        return "a number that is too large"  # Python writes none of thousands of digits
    text = plain(repr(value)) if value is not None else "none"
    return text if len(text) <= 60 else f"{text[:60]}..."
