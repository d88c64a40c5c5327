"""Asks the peers, who live in a venv and a process of their own, about columns."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from benchmarks.in_memory import Column, Lists, is_missing

_HERE = Path(__file__).resolve().parent


class PeersError(Exception):
    """The peers have gone; their last words are where stderr goes."""


class ComparedColumn(NamedTuple):
    """A column, and the baseline's feature that it is held against."""

    feature: str
    column: Column


class Peers:
    """A process of the peers, which keeps the last baselines that it was given."""

    def __init__(self, python: Path) -> None:
        command = [str(python), "-W", "ignore", str(_HERE / "detection_peers.py")]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self._known: list[str] = []

    def close(self) -> None:
        """Ends the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def judged(
        self,
        key: str,
        baseline: Mapping[str, Column],
        columns: Mapping[str, ComparedColumn],
        peers: Sequence[str],
    ) -> dict[str, dict[str, tuple[float, bool]]]:
        """For each id, each peer's score and alarm. Raises PeersError."""
        self._tell(key, baseline)
        if not columns:
            return {}
        answers: dict[str, dict[str, tuple[float, bool]]] = self._ask("judge", key, columns, peers)
        return answers

    def agree(self, key: str, baseline: Mapping[str, Column], window: Mapping[str, Column]) -> None:
        """Holds the peers' answers against their own reports. Raises PeersError."""
        self._tell(key, baseline)
        self._ask("agree", key, {name: ComparedColumn(name, column) for name, column in window.items()})

    def _tell(self, key: str, baseline: Mapping[str, Column]) -> None:
        if key not in self._known:
            self._ask(
                "baseline", key, {name: ComparedColumn(name, column) for name, column in baseline.items()}
            )
            self._known = [*self._known[-2:], key]

    def _ask(
        self, operation: str, key: str, columns: Mapping[str, ComparedColumn], peers: Sequence[str] = ()
    ) -> Any:
        stream = packed(columns)
        head = json.dumps({"op": operation, "key": key, "peers": list(peers), "size": len(stream)}) + "\n"
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write(head.encode() + stream)
            stdin.flush()
        except OSError as error:
            raise PeersError("the peers do not listen") from error
        if not (line := stdout.readline()):
            raise PeersError("the peers do not answer")
        return json.loads(line)


def packed(columns: Mapping[str, ComparedColumn]) -> bytes:
    """An Arrow stream of one row, in which each column is the list of its present values."""
    fields, arrays = [], []
    for name, compared in columns.items():
        missing = is_missing(compared.column)
        values = compared.column.values if isinstance(compared.column, Lists) else compared.column[~missing]
        flat = pa.array(values, pa.large_string() if values.dtype == object else None)
        arrays.append(pa.LargeListArray.from_arrays(pa.array(np.array([0, len(flat)])), flat))
        about = {"feature": compared.feature, "rows": str(len(missing)), "missing": str(int(missing.sum()))}
        fields.append(pa.field(name, arrays[-1].type, metadata=about))
    sink = pa.BufferOutputStream()
    schema = pa.schema(fields)
    with pa.ipc.new_stream(sink, schema) as writer:
        writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
    return bytes(sink.getvalue())
