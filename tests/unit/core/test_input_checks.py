"""What of examples fails a command: each message, and which comes first."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

import pytest

from trueserve.transforms.branches.reading import ReadSummary
from trueserve.transforms.core import input_checks
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.core.errors import InputError, NothingExaminedError

GOOD = ReadSummary(Accounting(read=9, decoded=9, rows=9), (), ())
REJECT = Reject("a", 3, "not_a_tf_example", "is no tf.Example")


def reading(faults: tuple[Fault, ...] = (), rejects: tuple[Reject, ...] = (), **counts: Any) -> ReadSummary:
    return ReadSummary(dataclasses.replace(GOOD.accounting, **counts), faults, rejects)


def message(error: type[Exception], of: ReadSummary) -> str:
    with pytest.raises(error) as caught:
        input_checks.check(of, "training examples", "a baseline")
    return str(caught.value)


def test_examples_that_were_read_as_a_whole_pass() -> None:
    input_checks.check(GOOD, "training examples", "a baseline")
    unknown = {("extra", "unknown_feature"): 9}
    input_checks.check(reading(forms=Counter(unknown)), "training examples", "a baseline")


def test_the_first_three_faults_come_before_all_else() -> None:
    faults = tuple(Fault(f"f{number}", "cut", "is cut short") for number in range(4))
    of = reading(faults, (REJECT,), read=10, rejected=Counter(bad=1))
    assert message(InputError, of) == "f0: is cut short; f1: is cut short; f2: is cut short"
    assert message(InputError, reading(faults[:1])) == "f0: is cut short"


@pytest.mark.parametrize(
    ("total", "more"),
    [(1, ""), (2, " (1 more records were rejected)"), (2001, " (2,000 more records were rejected)")],
)
def test_the_first_reject_is_named_and_the_others_counted(total: int, more: str) -> None:
    of = reading((), (REJECT,), read=9 + total, rejected=Counter(bad=total))
    assert message(InputError, of) == f"a, record 3: is no tf.Example{more}"


def test_values_of_another_type_are_named_by_feature() -> None:
    forms = Counter({
        ("d", "int_for_float"): 1, ("c", "bytes_for_int"): 2000, ("b", "float_for_int"): 2,
        ("a", "int_for_bytes"): 3, ("z", "unknown_feature"): 4,
    })  # fmt: skip
    assert message(InputError, reading(forms=forms)) == (
        "feature 'a' holds int where the schema has bytes, in 3 rows; change the schema or the examples;"
        " feature 'b' holds float where the schema has int, in 2 rows; change the schema or the examples;"
        " feature 'c' holds bytes where the schema has int, in 2,000 rows; change the schema or the examples"
    )
    single = reading(forms=Counter({("d", "int_for_float"): 1}))
    assert message(InputError, single) == (
        "feature 'd' holds int where the schema has float, in 1 row; change the schema or the examples"
    )


@pytest.mark.parametrize("count", [2000, -1])
def test_records_that_are_not_accounted_for_fail(count: int) -> None:
    of = reading(read=9 + count, rows=0)
    assert message(InputError, of) == f"{count:,} records that were read are not accounted for"


def test_examples_without_a_row_give_nothing() -> None:
    of = reading(read=0, decoded=0, rows=0)
    assert (
        message(NothingExaminedError, of)
        == "the training examples hold no row: nothing to make a baseline of"
    )
    input_checks.check(reading(rows=1), "training examples", "a baseline")
