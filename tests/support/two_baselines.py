"""A baseline under its name, and another one staged to take its place."""

from __future__ import annotations

import json

from trueserve.transforms.baseline import atomic_replace, layout
from trueserve.transforms.files import paths

OLD = {"a": "old", "deep/b": "old", "deep/old": "old"}
NEW = {"a": "new", "deep/b": "new", "new": "new"}


def put(folder: str, files: dict[str, str], created: str) -> str:
    contract = {"created": created, "files": dict.fromkeys(files)}
    for name, text in {**files, layout.CONTRACT: json.dumps(contract)}.items():
        paths.write_atomically(paths.join(folder, name), text.encode())
    return folder


def content(folder: str) -> dict[str, str]:
    """The files of a complete folder, but for the note that is there until it has taken the name."""
    names = set(paths.list_files(folder)) - {atomic_replace._REPLACED}
    assert layout.CONTRACT in names, f"{folder} is incomplete"
    return {n: paths.read_bytes(paths.join(folder, n)).decode() for n in names - {layout.CONTRACT}}


def fresh(base: str) -> tuple[str, str]:
    """The old baseline under its name, and the new one staged; nothing else."""
    paths.delete_tree(base)
    path = put(paths.join(base, "baseline"), OLD, "2024-01-01")
    return path, put(atomic_replace.staging(path), NEW, "2024-01-02")
