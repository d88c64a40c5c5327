"""The output folder of `trueserve backtest`: its files, and how those of an earlier run are replaced.

    OUTPUT/thresholds.toml, schema.pbtxt, ...   to be reviewed, and put into a baseline
    OUTPUT/backtest.json                        written last; names the others with their digests
    OUTPUT/backtest.pending.json                while files are replaced: all digests that each may have

So the files of a run that was killed are known to the next one, and a file that a person has changed is
never overwritten. Imports nothing heavy.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from trueserve.transforms.baseline import layout
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import documents, paths, temporary_files
from trueserve.transforms.runs import run_folder

RESULT = "backtest.json"
PAGE = "backtest.html"
# Stands while the files are replaced, with the digests of both: what a run that was killed left is known.
PENDING = "backtest.pending.json"
_FILES = (layout.THRESHOLDS, layout.SCHEMA, layout.TRANSFORMED_SCHEMA, PAGE, RESULT, PENDING)
_DIGEST_FILES = (RESULT, PENDING)


def check(output: str) -> None:
    """What stands there must be an earlier backtest's, as it wrote it: a reviewed file is not overwritten."""
    # A live run's, of which nobody knows yet whether it will overwrite what is there.
    existing = [name for name in paths.list_files(output) if not temporary_files.is_temporary(name)]
    if foreign := [name for name in existing if name not in _FILES]:
        raise UsageError(
            f"--output: {output} holds {foreign[0]}, which `backtest` did not write; name another folder"
        )
    written = [_digests(output, name) for name in _DIGEST_FILES if name in existing]
    for name in (name for name in existing if name not in _DIGEST_FILES):
        digest = _digest(paths.read_bytes(paths.join(output, name)))
        if not any(digest in (digests.get(name) or ()) for digests in written):
            raise UsageError(
                f"--output: {name} in {output} was changed by hand; move it, or name another folder"
            )


def _digests(output: str, name: str) -> Mapping[str, Sequence[str]]:
    """By file the digests that it may have, as a file of an earlier run says."""
    try:
        files = dict(json.loads(paths.read_bytes(paths.join(output, name)))["files"])
        return {
            file: [value] if isinstance(value, str) else [str(digest) for digest in value]
            for file, value in files.items()
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        raise UsageError(
            f"--output: {name} in {output} was not written by `backtest`; name another folder"
        ) from None


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write(output: str, content: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """The document comes last: it has the digests of the others. A run that ends here can be run again.

    Raises UsageError where a file was changed while the job ran: it is not overwritten.
    """
    check(output)
    existing = [name for name in paths.list_files(output) if name in _FILES]
    recorded = [_digests(output, name) for name in _DIGEST_FILES if name in existing]
    digests = {name: _digest(data) for name, data in sorted(files.items())}
    names = dict.fromkeys([*digests, *itertools.chain.from_iterable(recorded)])
    known_digests = {
        name: [
            *(digest for earlier_digests in recorded for digest in earlier_digests.get(name, ())),
            *filter(None, [digests.get(name)]),
        ]
        for name in names
    }
    documents.replace(paths.join(output, PENDING), run_folder.to_bytes({"files": known_digests}))
    for name, data in files.items():
        documents.replace(paths.join(output, name), data)
    documents.replace(paths.join(output, RESULT), run_folder.to_bytes({**content, "files": digests}))
    # What an earlier run wrote and this one does not, and the notice.
    for name in (name for name in [*existing, PENDING] if name not in (*files, RESULT)):
        if paths.exists(paths.join(output, name)):
            paths.delete_file(paths.join(output, name))
