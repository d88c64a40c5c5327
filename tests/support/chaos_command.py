"""A command of `make chaos` that is ended at one moment, and what must hold afterwards."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from support import chaos
from support.chaos import Changes, Kill, Later
from trueserve.pipelines import cli
from trueserve.pipelines.process import supervisor
from trueserve.transforms.baseline.load import load_baseline

_NOTHING = Kill()
# What two runs without a kill may differ in: bytes that TensorFlow chooses anew, and names of runs.
_BY_CHANCE = re.compile(r".*/fingerprint\.pb/.*|/replaces")


@dataclasses.dataclass(frozen=True)
class Case:
    """One run that is ended at one moment."""

    moment: str
    kill: Kill = _NOTHING
    later: Later | None = None

    @property
    def cleans_up(self) -> bool:
        """Whether the supervisor lives on, and leaves nothing for the next run."""
        return (
            self.kill.alone
            or self.kill.term
            or (self.later is not None and self.later.number is not signal.SIGKILL)
        )


class Command:
    """A command, the result of an earlier run, and what a run that nobody ends makes of it."""

    def __init__(self, world: Path, folder: Path, name: str, flags: str, before: str, document: str) -> None:
        self.name, self.before, self._document = name, world / before, document
        self.case, self.temporary, self.log = (folder / each for each in ("case", "temporary", "log"))
        self._argv = [name, *flags.format(w=world, c=self.case).split()]
        first, again = self._reference(), self._reference()
        assert first[:3] == again[:3], (first[:3], again[:3])
        self.code, self.listing, self.temporary_listing, _, self.seconds, self.changes = again
        same = {key for key, value in again[3].items() if first[3].get(key) == value}
        self._stable = {key for key in same if not _BY_CHANCE.fullmatch(key)}
        self._result = again[3]

    def _reference(self) -> tuple[int, list[str], list[str], dict[str, Any], float, Changes]:
        self._begin()
        began, changes = time.monotonic(), self._watched(_NOTHING)
        code = self._run(changes)
        lists = chaos.listing(self.case), chaos.listing(self.temporary)
        return code, *lists, self._documents(), time.monotonic() - began, changes

    def broken_by(self, case: Case) -> Iterator[str]:
        """Runs a case, and the next run; what is not as it must be."""
        self._begin()
        code = self._run(self._watched(case.kill), case.later)
        yield from (f"process {pid} lives on" for pid in chaos.living_orphans())
        yield from chaos.broken(self.case)
        yield from self._broken_earlier()
        if case.cleans_up and code != -signal.SIGKILL:  # the supervisor itself, where that made the change
            yield from self._not_clean(code)
        if (code := self._run(self._watched(_NOTHING))) != self.code:
            yield f"the next run ends with {code}: {self.log.read_text()[-300:]}"
        yield from _compared("beside the result", chaos.listing(self.case), self.listing)
        yield from _compared("temporary", chaos.listing(self.temporary), self.temporary_listing)
        yield from chaos.broken(self.case)
        yield from self._not_same(self._documents())

    def _begin(self) -> None:
        for folder in (self.case, self.temporary):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
        if self.before.is_dir():
            shutil.copytree(self.before, self.case / "result")

    def _watched(self, kill: Kill) -> Changes:
        return Changes([self.case, self.temporary], kill)

    def _run(self, changes: Changes, later: Later | None = None) -> int:
        os.environ["TMPDIR"] = tempfile.tempdir = str(self.temporary)
        return chaos.run_forked(lambda: supervisor.run(self._argv, cli.main), self.log, changes, later)

    def _broken_earlier(self) -> Iterator[str]:
        """What is wrong with the earlier result, in which no document names files with their digests."""
        result = self.case / "result"
        if self.name in ("prepare", "adopt"):
            load_baseline(str(result))  # raises for one that is not whole
        if self.name == "export" and chaos.snapshot(result / "1") != chaos.snapshot(self.before / "1"):
            yield "the earlier version is not what it was"
        if self.name == "join":
            json.loads((result / self._document).read_bytes())

    def _not_clean(self, code: int) -> Iterator[str]:
        if code not in (self.code, 128 + signal.SIGTERM, 128 + signal.SIGKILL):
            yield f"it ends with {code}: {self.log.read_text()[-300:]}"
        more = {*chaos.listing(self.case)} - {*self.listing} - {"result/backtest.pending.json"}
        yield from (f"left by a run that could clean up: {name}" for name in sorted(more))
        yield from _compared("temporary", chaos.listing(self.temporary), self.temporary_listing)

    def _documents(self) -> dict[str, Any]:
        """The result as flat JSON; of versions that of the newest."""
        documents = sorted((self.case / "result").glob(self._document), key=lambda path: path.stat().st_mtime)
        return dict(_flat("", json.loads(documents[-1].read_bytes()))) if documents else {}

    def _not_same(self, result: Mapping[str, Any]) -> Iterator[str]:
        if result.keys() != self._result.keys():
            yield "the next result has other fields"
        for key in sorted(self._stable & result.keys()):
            if result[key] != self._result[key]:
                yield f"the next result differs in {key}"


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    children = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    if isinstance(value, dict | list):
        for key, child in children:
            yield from _flat(f"{name}/{key}", child)
    else:
        yield name, value


def _compared(what: str, got: list[str], due: list[str]) -> Iterator[str]:
    yield from (f"{what}: {name} is left" for name in sorted({*got} - {*due}))
    yield from (f"{what}: {name} is missing" for name in sorted({*due} - {*got}))
