"""Twelve faults planted in the flights are found and named; flights without a fault give no alarm.

The seeds were fixed before the first run. What the faults are is in examples/flights/faults.json.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from support import faults

from trueserve.transforms.verdict.diagnosis.fitting import UNKNOWN
from trueserve.transforms.verdict.model import Diagnosis, Finding, Severity

WORLD, SERVED, PLANTED, CLEAN = 2013, 100, 500, 1000
SHARES = (1.0, 0.2, 0.03)
# With so much confidence a cause has to be the true one.
CONFIDENT = 0.9


class Case(NamedTuple):
    """What was found of one fault in one share of the rows."""

    fault: dict[str, Any]
    share: float
    findings: tuple[Finding, ...]

    @property
    def touched(self) -> set[str]:
        return {self.fault["feature"], self.fault["parameters"].get("with", self.fault["feature"])}

    @property
    def is_found(self) -> bool:
        return any(
            finding.severity is Severity.ERROR and finding.feature in self.touched
            for finding in self.findings
        )

    @property
    def diagnoses(self) -> list[Diagnosis]:
        return [finding.diagnosis for finding in self.findings if finding.diagnosis is not None]

    @property
    def is_right(self) -> bool:
        """Whether the cause that is told with most confidence is the true one."""
        surest = max(self.diagnoses, key=lambda diagnosis: diagnosis.confidence, default=None)
        return surest is not None and surest.cause == self.fault["cause"]

    def __str__(self) -> str:
        findings = [
            (finding.feature, finding.severity.value, finding.message, finding.diagnosis)
            for finding in self.findings
        ]
        return f"{self.fault} in {self.share:.0%}: {findings}"


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return list(_cases())


def _cases() -> Iterator[Case]:
    world = faults.world(WORLD)
    for number, fault in enumerate(faults.FAULTS):
        served = world.served(SERVED + number)
        for share in SHARES:
            planted = faults.planted(fault, served, share, PLANTED + number)
            yield Case(fault, share, world.compared(planted).findings)


def test_there_are_twelve_faults_and_every_cause_is_among_them(cases: list[Case]) -> None:
    assert len(faults.FAULTS) == 12
    assert (
        len({fault["cause"] for fault in faults.FAULTS}) == 11
    )  # two of a unit: a factor, and an offset too
    assert len(cases) == 36


@pytest.mark.parametrize("share", [1.0, 0.2])
def test_every_fault_in_a_fifth_of_the_rows_or_all_is_found(cases: list[Case], share: float) -> None:
    assert not [str(case) for case in cases if case.share == share and not case.is_found]


def test_half_of_the_faults_in_three_of_a_hundred_rows_are_found(cases: list[Case]) -> None:
    caught = [case.is_found for case in cases if case.share == 0.03]
    assert sum(caught) >= 6, [str(case) for case in cases if case.share == 0.03]


def test_nine_of_ten_that_are_found_are_named_right(cases: list[Case]) -> None:
    caught = [case for case in cases if case.is_found]
    wrong = [str(case) for case in caught if not case.is_right]
    assert len(wrong) <= 0.1 * len(caught), wrong


def test_no_cause_is_wrong_and_confident(cases: list[Case]) -> None:
    for case in cases:
        causes = {diagnosis.cause for diagnosis in case.diagnoses if diagnosis.confidence > CONFIDENT}
        assert causes <= {case.fault["cause"]}, str(case)


def test_features_without_a_fault_are_no_errors_beside_one_that_has(cases: list[Case]) -> None:
    for case in cases:
        errors = {finding.feature for finding in case.findings if finding.severity is Severity.ERROR}
        assert errors <= case.touched, str(case)


def test_a_cause_has_its_evidence_and_stands_in_the_message(cases: list[Case]) -> None:
    for case in cases:
        for finding in case.findings:
            if finding.diagnosis is not None and finding.diagnosis.cause != UNKNOWN:
                assert finding.diagnosis.evidence
                assert 0 < finding.diagnosis.confidence < 1


def test_miles_sent_as_kilometres_are_told_in_one_sentence(cases: list[Case]) -> None:
    finding = cases[0].findings[0]
    assert finding.message.startswith("serving is training x 1.609: kilometres for miles? (fit 0.9")


def test_a_hundred_windows_without_a_fault_give_no_error_and_no_diagnosis() -> None:
    for number in range(100):
        world = faults.world(WORLD + number % 4)
        findings = world.compared(world.served(CLEAN + number)).findings
        alarms = [
            finding
            for finding in findings
            if finding.severity is Severity.ERROR or finding.diagnosis is not None
        ]
        assert not alarms, (number, alarms)
