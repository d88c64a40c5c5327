"""What `validate` needs, and what cannot be combined."""

from __future__ import annotations

from typing import Any

import pytest

from trueserve.pipelines.flags.replay import TOLERANCES
from trueserve.pipelines.flags.validate import ValidateOptions
from trueserve.transforms.core.errors import UsageError

LOOSE = {"schema": __file__, "statistics": __file__}


def options(**fields: Any) -> ValidateOptions:
    return ValidateOptions(**{"logs": "l", "output": "o"} | fields)


def refusal(**fields: Any) -> str:
    with pytest.raises(UsageError) as caught:
        options(**fields)
    return str(caught.value)


def test_a_baseline_or_both_files_are_needed() -> None:
    assert options(baseline="b")
    assert options(**LOOSE)
    assert options(**LOOSE, label="late")
    needed = "expected --baseline=DIR, or both of --schema=FILE and --statistics=FILE"
    assert refusal() == needed
    for name in LOOSE:
        assert refusal(**{name: __file__}) == needed


@pytest.mark.parametrize("fields", [{"schema": __file__}, {"statistics": __file__}, {"label": "late"}])
def test_a_baseline_has_its_own_files(fields: dict[str, Any]) -> None:
    message = "--baseline cannot be combined with --schema, --statistics or --label"
    assert refusal(baseline="b", **fields) == message


@pytest.mark.parametrize("tolerance", TOLERANCES, ids=lambda flag: flag.name)
def test_tolerances_are_those_of_a_replay(tolerance: Any) -> None:
    changed = {tolerance.attribute: tolerance.default / 2}
    assert refusal(baseline="b", **changed) == f"{tolerance.name} needs --replay=MODEL_DIR"
    assert options(baseline="b", replay="m", **changed)
    assert options(baseline="b", replay="m")
    assert options(baseline="b", **{tolerance.attribute: tolerance.default})


def test_contracts_are_compared_with_the_baselines() -> None:
    assert options(baseline="b", contracts="c")
    assert refusal(**LOOSE, contracts="c") == (
        "--contracts needs --baseline=DIR: versions are compared with the baseline's contract"
    )


def test_the_tolerances_of_a_replay_have_these_defaults() -> None:
    assert [tolerance.default for tolerance in TOLERANCES] == [1e-6, 1e-5, 0.001]
