"""What `check` says: findings, versions and what was compared, as it is shown and as JSON."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

FORMAT = 1
ERRORS, NOT_EXAMINED, OK = "errors", "not_examined", "ok"
_EXIT_CODES = {ERRORS: 1, NOT_EXAMINED: 4, OK: 0}
WHY_NOTHING = "no output of the model was compared with the baseline's"
Severity = Literal["error", "warning", "info"]
_ORDER = {"error": 0, "warning": 1, "info": 2}


@dataclasses.dataclass(frozen=True)
class Example:
    """One probe for which the model gives something else.

    Attributes:
      probe: its number in the file of probes, from 0.
      synthetic: what is made up in it, None for a row of the training data.
      raw: values of the raw features behind the output; of all raw features for a prediction.
      expected, got: values of the output; None where there is none.
    """

    probe: int
    synthetic: str | None
    raw: Mapping[str, Sequence[Any] | None]
    expected: Sequence[Any] | None
    got: Sequence[Any] | None


@dataclasses.dataclass(frozen=True)
class CheckFinding:
    """One thing that is said of the model.

    Attributes:
      kind: its id, as docs/check.md lists them.
      severity: an error makes the exit code 1.
      message: one sentence.
      signature, feature: the signature and its output; None where it is about neither.
      raw_features: those that the output is computed from.
      differing, of: how many probes differ, of how many that were put to the signature; None where that is
        not what the finding is about.
    """

    kind: str
    severity: Severity
    message: str
    signature: str | None = None
    feature: str | None = None
    raw_features: tuple[str, ...] = ()
    differing: int | None = None
    of: int | None = None
    examples: tuple[Example, ...] = ()


@dataclasses.dataclass(frozen=True)
class Version:
    """One thing that has a digest or a version, in the baseline and in the model; None where it is not known.

    `name` is `preprocessing_source`, `graph`, `assets/NAME`, `packages/NAME` or `saved_model/tensorflow`.
    """

    name: str
    baseline: str | None
    model: str | None

    @property
    def differs(self) -> bool:
        return None not in (self.baseline, self.model) and self.baseline != self.model


@dataclasses.dataclass(frozen=True)
class Report:
    """All that a run of `check` found.

    Attributes:
      probes, synthetic: how many there are in the baseline, and how many of them are made up.
      compared: signature to the number of probes whose answers were compared.
      predictions_from: whose predictions are the right ones: `model`, `reference`, or None if none are known.
      loaded: False if the lint forbade to load a model; then nothing was compared.
      sandbox: what the process in which the models ran could not do, by subject, in words.
      lint: what `transforms.serving.lint` says, as JSON's values.
    """

    baseline: str
    model: str
    reference: str | None
    probes: int
    synthetic: int
    compared: Mapping[str, int]
    predictions_from: str | None
    findings: tuple[CheckFinding, ...]
    versions: tuple[Version, ...]
    lint: tuple[Mapping[str, Any], ...]
    loaded: bool = True
    sandbox: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def errors(self) -> int:
        """Number of errors, the lint's included."""
        severities = [finding.severity for finding in self.findings]
        return [*severities, *(finding["severity"] for finding in self.lint)].count("error")

    @property
    def result(self) -> str:
        """`ok` says that something was compared, and that there is no error."""
        if self.errors:
            return ERRORS
        return OK if any(self.compared.values()) else NOT_EXAMINED

    @property
    def exit_code(self) -> int:
        return _EXIT_CODES[self.result]

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`, as docs/check.schema.json describes them."""
        values = _published((field.name, getattr(self, field.name)) for field in dataclasses.fields(self))
        return {
            "format": FORMAT,
            "result": self.result,
            "exit_code": self.exit_code,
            **values,
            "sandbox": dict(self.sandbox),
            "findings": [dataclasses.asdict(finding, dict_factory=_published) for finding in self.findings],
            "versions": [dataclasses.asdict(version) for version in self.versions],
            "lint": [dict(finding) for finding in self.lint],
        }


def _published(fields: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Fields by their names in the published document."""
    return {"made_up" if name == "synthetic" else name: value for name, value in fields}


def worst_first(findings: Sequence[CheckFinding]) -> tuple[CheckFinding, ...]:
    """Errors, then warnings, then the rest; else in the order given."""
    return tuple(sorted(findings, key=lambda finding: _ORDER[finding.severity]))
