"""Whether examples were read as a whole: what is made of a part of them would blame serving for the rest."""

from __future__ import annotations

from typing import Protocol

from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Fault, Reject
from trueserve.transforms.core.errors import InputError, NothingExaminedError


class ReadReport(Protocol):
    """How reading went: the counts of all, and the first faults and rejects by place."""

    @property
    def accounting(self) -> Accounting: ...
    @property
    def faults(self) -> tuple[Fault, ...]: ...
    @property
    def rejects(self) -> tuple[Reject, ...]: ...


def check(reading: ReadReport, examples: str, product: str) -> None:
    """Raises InputError for what could not be read, NothingExaminedError where there is nothing.

    Args:
      examples: what they are, such as `training examples`; `product`: what was to be made of them.
    """
    if reading.faults:
        raise InputError("; ".join(str(fault) for fault in reading.faults[:3]))
    if reading.rejects:
        first, total = reading.rejects[0], reading.accounting.total_rejected
        more = f" ({total - 1:,} more records were rejected)" if total > 1 else ""
        raise InputError(f"{first.file}, record {first.record}: {first.detail}{more}")
    if other_types := {key: rows for key, rows in reading.accounting.forms.items() if "_for_" in key[1]}:
        # Left out, they would pass for missing values, and serving would be held to that.
        raise InputError(
            "; ".join(_of_other_type(*key, rows) for key, rows in sorted(other_types.items())[:3])
        )
    if reading.accounting.balance():
        raise InputError(f"{reading.accounting.balance():,} records that were read are not accounted for")
    if not reading.accounting.rows:
        raise NothingExaminedError(f"the {examples} hold no row: nothing to make {product} of")


def _of_other_type(feature: str, form: str, rows: int) -> str:
    actual, expected = form.split("_for_")
    return (
        f"feature {feature!r} holds {actual} where the schema has {expected},"
        f" in {rows:,} row{'s'[: rows > 1]}; change the schema or the examples"
    )
