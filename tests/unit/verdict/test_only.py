"""--only compares what it names and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from support.verdict import LABEL, compared, frame, reference, served

from trueserve.pipelines.feature_limits import check_only
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.verdict.compare import Policy, Reference
from trueserve.transforms.verdict.model import Space


def test_only_looks_at_what_it_names_and_tests_nothing_else(baseline: Reference) -> None:
    data = served(5000)
    data["distance"] += 75
    data["rain"] = data["rain"] * np.float32(1.5)
    comparison = compared(baseline, data, Policy(only=frozenset({"rain"})))
    assert {finding.feature for finding in comparison.findings} == {"rain"}
    assert {finding.feature for finding in comparison.distances} == {"rain"}
    reasons = {entry.feature: entry.reason for entry in comparison.not_compared}
    assert {reasons[name] for name in ("distance", "carrier", "stops")} == {"not in --only"}
    assert "rain" not in reasons


def test_only_by_a_raw_name_takes_what_is_computed_from_it() -> None:
    against = reference(
        frame(5000, 1), space=Space.TRANSFORMED, raw_features={"stops": ("legs",), "rain": ("weather",)}
    )
    data = served(2000)
    data["stops"] = 4
    data["rain"] *= np.float32(2)
    comparison = compared(against, data, Policy(only=frozenset({"legs", "distance"})))
    assert {finding.feature for finding in comparison.findings} == {"stops"}
    assert {finding.feature for finding in comparison.distances} == {"stops", "distance"}


def test_a_name_in_only_that_is_no_feature_is_refused_with_what_is_close(baseline: Reference) -> None:
    assert check_only(("distance", LABEL), [baseline]) == {"distance", LABEL}
    with pytest.raises(
        UsageError, match=r"--only: no compared feature has the name distanse.*did you mean distance"
    ):
        check_only(("distance", "distanse"), [baseline])
