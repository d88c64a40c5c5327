"""What a checked model has, and what is found of it."""

from __future__ import annotations

from collections.abc import Iterable

from trueserve.transforms.serving.check.report import CheckFinding
from trueserve.transforms.serving.check.saved_model import SavedModelContents


def contents(
    outputs: dict[str, dict[str, str]],
    inputs: dict[str, dict[str, str]] | None = None,
    folder: str = "/nowhere",
) -> SavedModelContents:
    return SavedModelContents(folder, "the model", inputs or {}, outputs, "2.16.2")


BOTH = {"transform_features": {"a": "float32"}, "serving_default": {"y": "float32"}}


def messages(check_findings: Iterable[CheckFinding]) -> list[tuple[str, str, str]]:
    return [(finding.kind, finding.severity, finding.message) for finding in check_findings]
