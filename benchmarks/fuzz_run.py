"""Hostile files through the real path, in batches, and what must hold of each."""

from __future__ import annotations

import dataclasses
import re
import resource
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from random import Random

from benchmarks.fuzz_bytes import SECRET
from benchmarks.fuzz_cases import CASES, Case, settings_of
from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Decoded, Fault
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.logs.features import Settings

BATCH = 500
#: What a batch of less than a megabyte may take.
MAX_SECONDS = 20.0
MAX_GROWTH_BYTES = 1 << 30
_WORD = re.compile(r"[a-z0-9_]{1,40}")
_MEGABYTE = 1 << 20


class FuzzError(Exception):
    """A decoder did what it must not. `file` is the input that showed it."""

    def __init__(self, case: str, batch: int, file: Path, what: str) -> None:
        super().__init__(f"{case}, batch {batch}: {what}; the input is {file}")
        self.file = file


@dataclasses.dataclass
class Tally:
    """What became of the inputs of one decoder.

    Attributes:
      inputs, read, decoded: inputs made, records read of them, and those that gave rows or were left out.
      left_out: rejects and faults by reason.
      slowest: seconds that the slowest batch took; spent: all of them.
      growth: bytes by which the process's largest size has grown.
    """

    name: str
    inputs: int = 0
    read: int = 0
    decoded: int = 0
    left_out: Counter[str] = dataclasses.field(default_factory=Counter)
    slowest: float = 0.0
    spent: float = 0.0
    growth: int = 0


def case_of(name: str) -> Case:
    return next(case for case in CASES if case.name == name)


def fuzz(
    case: Case, inputs: int, seed: int, folder: Path, first: int = 0, *, batch: int = BATCH
) -> Iterator[Tally]:
    """The tally after each batch, until there were so many inputs. Raises FuzzError.

    A batch depends on `seed` and its number alone, so that it can be had again.
    """
    tally, number = Tally(case.name), first
    before: int | None = None
    while tally.inputs < inputs:
        count = min(batch, inputs - tally.inputs)
        started = time.monotonic()
        _batch(case, Random(f"{case.name}/{seed}/{number}"), count, tally, (number, folder))
        tally.spent += time.monotonic() - started
        # What is compiled and loaded at first is no growth.
        before = peak_bytes() if before is None else before
        tally.growth = max(tally.growth, peak_bytes() - before)
        if tally.growth > MAX_GROWTH_BYTES:
            megabytes = tally.growth // _MEGABYTE
            raise FuzzError(case.name, number, folder, f"it took {megabytes:,} MB more than before")
        number += 1
        yield tally


def peak_bytes() -> int:
    """The largest size that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _batch(case: Case, rng: Random, count: int, tally: Tally, location: tuple[int, Path]) -> None:
    settings, (number, folder) = settings_of(rng), location
    for data, inputs in case.files(rng, count):
        path = folder / f"{case.name}.{case.suffix}"
        path.write_bytes(data)
        started = time.monotonic()
        try:
            _check(case, path, settings, inputs, tally)
        except AssertionError as error:
            raise FuzzError(case.name, number, path, str(error)) from error
        except Exception as error:
            raise FuzzError(case.name, number, path, f"{type(error).__name__} came out") from error
        seconds = time.monotonic() - started
        tally.slowest = max(tally.slowest, seconds)
        if seconds > MAX_SECONDS:
            raise FuzzError(case.name, number, path, f"it took {seconds:.0f} seconds")
        tally.inputs += inputs


def _check(case: Case, path: Path, settings: Settings, inputs: int, tally: Tally) -> None:
    faults: list[Fault] = []
    counts: list[Accounting] = []
    rejects = 0
    for part in case.read(FileSize(str(path), path.stat().st_size), case.format, settings):
        if isinstance(part, Fault):
            faults.append(part)
            continue
        counts.append(part.accounting)
        rejects += len(part.rejects)
        _check_decoded(part, settings)
    counted = total(counts)
    assert counted.balance() == 0, f"{counted.balance()} of {counted.read} records are not accounted for"
    assert counted.total_rejected == rejects, "rejects are not as many as are counted"
    assert not case.records or counted.read == inputs, f"{counted.read} of {inputs} records were read"
    assert len(faults) <= 1, "nothing is read after a fault"
    for fault in faults:
        _check_words(fault.reason, fault.detail)
    tally.read += counted.read
    tally.decoded += counted.decoded
    tally.left_out += counted.rejected + Counter(f"{fault.reason} (file)" for fault in faults)


def _check_decoded(part: Decoded, settings: Settings) -> None:
    expected = settings.expected
    assert expected is not None
    for reject in part.rejects:
        _check_words(reject.reason, reject.detail)
        assert (reject.payload is not None) <= settings.keep_payloads, "a payload that nobody asked for"
    if part.batch is not None:
        part.batch.features.validate(full=True)
        part.batch.metadata.validate(full=True)
        names = part.batch.features.schema.names
        assert set(names) <= expected.types.keys(), "a feature that the schema does not know"
    for name, form in part.accounting.forms:
        name.encode()
        assert _WORD.fullmatch(form), "a form that is no word"


def _check_words(reason: str, detail: str) -> None:
    """Words that are counted by must not be made of what strangers send, nor may messages hold it."""
    assert _WORD.fullmatch(reason), f"a reason that is no word: {reason!r}"
    # What an input calls itself is said; what it holds is not.
    assert SECRET not in re.sub(r"input '[^']*'", "", detail), f"a message holds a value: {reason}"
    assert len(detail) < 1000, f"a message of {len(detail)} characters: {reason}"
    detail.encode()
