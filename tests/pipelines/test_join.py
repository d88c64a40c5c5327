"""`join` in memory: both sides are read once, meet by their keys, and what differs is counted exactly."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import logs

from trueserve.pipelines import join
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.join import JoinOptions
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.joining.key_parts import KeyPart

TRAINED: list[dict[str, Any]] = [
    {"ride": [number], "fare": [number / 2], "word": [b"w%d" % number]} for number in range(6)
]
#: Without the first ride, with one that training has not, and with another fare for ride 2.
SERVED: list[dict[str, Any]] = [
    *({**row, "fare": [row["fare"][0] + 5 * (row["ride"] == [2])]} for row in TRAINED[1:]),
    {"ride": [9], "fare": [1.0]},
    {"fare": [1.0]},
]


def run(folder: Path, served: str, **fields: Any) -> tuple[int, dict[str, Any], list[str], str]:
    """The exit code, join.json, and what both streams got; the examples are in two files."""
    for number, rows in enumerate((TRAINED[:4], TRAINED[4:])):
        logs.write_records(folder / f"train-{number}", [logs.example(**row) for row in rows])
    out, err = io.StringIO(), io.StringIO()
    values: dict[str, Any] = {"key": (KeyPart("ride"),), "beam_args": ("--direct_running_mode=in_memory",)}
    options = JoinOptions(
        examples=str(folder / "train-*"), logs=served, output=str(folder / "out"), **values | fields
    )
    code = join.run(options, Console(out, err))
    return (
        code,
        json.loads((folder / "out/join.json").read_text()),
        out.getvalue().splitlines(),
        err.getvalue(),
    )


def write_examples(folder: Path, rows: Sequence[dict[str, Any]]) -> str:
    logs.write_records(folder / "log", [logs.example(**row) for row in rows])
    return str(folder / "log")


def features(document: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {each["feature"]: (each["match_count"], each["diff_count"]) for each in document["features"]}


def test_logs_of_examples_are_joined_as_they_are(tmp_path: Path) -> None:
    code, document, out, err = run(tmp_path, write_examples(tmp_path, SERVED), ignore=("word",))
    assert (code, document["result"], err) == (1, "differs", "")
    counts = document["counts"]
    assert (counts["examples"], counts["requests"], counts["requests_without_key"]) == (6, 6, 1)
    assert (counts["compared"], counts["mismatched"], counts["keys"]) == (5, 1, 7)
    assert (counts["keys_only_in_examples"], counts["keys_only_in_requests"]) == (1, 1)
    assert features(document) == {"fare": (4, 1)}
    assert {each["feature"]: each["reason"] for each in document["not_compared"]} == {
        "ride": "part of the key",
        "word": "left out by --ignore",
    }
    assert "differs: 1 of 5 pairs differ (20.0 %)" in out
    assert out[-1] == f"join {tmp_path / 'out/join.json'}"


def test_bodies_are_joined_by_the_types_of_the_examples(tmp_path: Path) -> None:
    """The types are found by a pipeline of their own; the id is the log's, and no number."""
    lines = [
        {
            "request_id": str(row["ride"][0]),
            "instances": [{"fare": row["fare"][0], "word": row["word"][0].decode()}],
        }
        for row in TRAINED[1:]
    ]
    (tmp_path / "log").write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    code, document, out, err = run(tmp_path, str(tmp_path / "log"), key=(KeyPart("ride", of_log=True),))
    assert (code, document["result"], err) == (0, "same", "")
    assert features(document) == {"fare": (5, 0), "word": (5, 0)}
    assert "finding the types of features ..." in out


def test_without_a_common_key_nothing_was_compared(tmp_path: Path) -> None:
    code, document, _, err = run(tmp_path, write_examples(tmp_path, SERVED[5:6]))
    assert (code, document["result"]) == (4, "not_examined")
    assert err.startswith("trueserve: error: the examples and the requests have no key in common")


@pytest.mark.parametrize("side", ["examples", "requests"])
def test_a_record_that_cannot_be_read_fails_the_run(tmp_path: Path, side: str) -> None:
    """On either side, and nothing is written; so many may be rejected as the flag allows."""
    served = write_examples(tmp_path, TRAINED)
    name = "train-2" if side == "examples" else "log"
    rows = [] if side == "examples" else [logs.example(**row) for row in TRAINED]
    logs.write_records(tmp_path / name, [*rows, b"no example"])
    with pytest.raises(InputError, match=rf"^1 of 7 records of the {side} were rejected, more than"):
        run(tmp_path, served, format="tf_example")
    assert not (tmp_path / "out/join.json").exists()
    code, *_ = run(tmp_path, served, format="tf_example", max_rejects=0.15)
    assert code == 0
