"""Publishers that die, and readers that check what they find, for the tests of publishing."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from trueserve.transforms.files import paths
from trueserve.transforms.runs import copies, run_folder

# Their server imports little and forks a process in milliseconds: one can be killed at every step.
PROCESSES = multiprocessing.get_context("forkserver")
PROCESSES.set_forkserver_preload(["trueserve.transforms.runs.run_folder", "support.publish"])

FILES = {
    "report.html": b"<!doctype html>",
    "stats.binpb": b"\x00\x01" * 500,
    "rejects/rejects.jsonl": b'{"reason": "not_a_tf_example"}\n',
}


# What Python's audit hooks are told of: os.replace and Path.unlink among them.
_CHANGES = {"os.rename", "os.mkdir", "os.remove", "os.rmdir"}


def publish_and_die(output: str, verdict: Any, files: Mapping[str, bytes], writes: int) -> None:
    """Publishes, and is killed before write number `writes` (from 0)."""
    done = 0

    def write(path: str, data: bytes) -> None:
        nonlocal done
        if done == writes:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        paths.write_atomically(path, data)

    run_folder.publish(output, verdict, files, write=write)


def publish_and_die_inside(output: str, verdict: Any, files: Mapping[str, bytes], calls: int) -> None:
    """Publishes, and is killed before call number `calls` to the file system that changes something."""
    done = 0

    def watch(event: str, details: tuple[Any, ...]) -> None:
        nonlocal done
        if event in _CHANGES or (event == "open" and "x" in str(details[1])):
            if done == calls:
                os.kill(os.getpid(), signal.SIGKILL)
            done += 1

    sys.addaudithook(watch)
    run_folder.publish(output, verdict, files)


def publish_and_die_deleting(output: str, verdict: Any, files: Mapping[str, bytes], deletions: int) -> None:
    """Publishes, and is killed before deletion number `deletions`, counting those of files that are there."""
    done, delete = 0, paths.delete_file

    def watch(path: str) -> None:
        nonlocal done
        # The last place to die is after all of them, before the first copy.
        if done == deletions:
            os.kill(os.getpid(), signal.SIGKILL)
        done += Path(path).exists()
        delete(path)

    paths.delete_file = watch
    run_folder.publish(output, verdict, files)


def publish_many(output: str, verdict: Any, files: Mapping[str, bytes], times: int) -> None:
    for i in range(times):
        run_folder.publish(output, verdict, {**files, "anomalies.pbtxt": f"{os.getpid()} {i}".encode()})


def exit_code(target: Callable[..., None], *arguments: Any) -> int:
    """Runs `target` in a process of its own; -9 means that it was killed."""
    process = PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join(60)
    assert process.exitcode is not None
    return process.exitcode


def broken(root: Path) -> list[str]:
    """The files that verdict.json in `root` names and that are not as it says."""
    verdict = json.loads((root / "verdict.json").read_bytes())
    return [
        name
        for name, artifact in verdict["artifacts"].items()
        if not _as_told((root / artifact["path"]), artifact)
    ]


def stale(root: Path) -> list[str]:
    """The copies beside verdict.json in `root` that are not those of the files that it names."""
    artifacts = json.loads((root / "verdict.json").read_bytes())["artifacts"]
    there = [name for name in sorted(copies.COPIES) if (root / name).exists()]
    return [name for name in there if name not in artifacts or not _as_told(root / name, artifacts[name])]


def _as_told(path: Path, artifact: Mapping[str, Any]) -> bool:
    data = path.read_bytes() if path.is_file() else b""
    return (len(data), hashlib.sha256(data).hexdigest()) == (artifact["bytes"], artifact["sha256"])
