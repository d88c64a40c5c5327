"""A new baseline, published whole or not at all, in place of one that was there."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import atomic_replace, contents
from trueserve.transforms.baseline.contract import Contract
from trueserve.transforms.baseline.layout import (
    AUGMENTED_STATISTICS,
    CONTRACT,
    EDITED_SCHEMA,
    SCHEMA,
    STATISTICS,
    THRESHOLDS,
    TRANSFORM_OUTPUT,
    TRANSFORMED_EXAMPLES,
    TRANSFORMED_SCHEMA,
    TRANSFORMED_STATISTICS,
    VARIATION,
)
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import file_systems, paths


def check_target(path: str, *, finish: bool = True) -> None:
    """Raises UsageError where `write_baseline` could not, or should not, put a baseline.

    A baseline that is there already will be replaced; a folder with anything else in it will not. Files that
    the user put beside those of `prepare` are kept (see `atomic_replace`); there must be none among its graph
    and its training examples. What a run that was killed has left half done is brought to its end first, if
    `finish`; else what it left is looked at, and stays as it is.
    """
    if finish:
        atomic_replace.finish(path)
    elif (left := atomic_replace.readable_folder(path)) != path:
        path = left
    if file_systems.is_local(path) and Path(path).is_file():
        raise UsageError(f"{path} is a file; name a folder for the baseline")
    existing = paths.list_files(path)
    if existing and CONTRACT not in existing:
        raise UsageError(f"{path} is not empty and holds no baseline; name a new folder, or empty it")
    folders = (TRANSFORM_OUTPUT, TRANSFORMED_EXAMPLES)
    if foreign := [n for n in atomic_replace.not_ours(path, existing) if n.split("/")[0] in folders]:
        raise UsageError(
            f"the baseline {path} holds {foreign[0]}, which trueserve prepare did not write and would have to"
            " delete; move it elsewhere"
        )
    paths.check_writable(path)


def write_baseline(
    path: str,
    staged: str,
    *,
    schema: schema_pb2.Schema,
    statistics: statistics_pb2.DatasetFeatureStatisticsList,
    transformed_schema: schema_pb2.Schema,
    transformed_statistics: statistics_pb2.DatasetFeatureStatisticsList,
    contract: Contract,
    augmented_statistics: statistics_pb2.DatasetFeatureStatisticsList | None = None,
    variation: bytes | None = None,
) -> str | None:
    """Completes a baseline and publishes it under `path`, in place of one that was there.

    `staged`, a folder named by `staging(path)`, already holds `transform_output`, `transformed_examples` and
    `probes.tfrecord`. The contract is written last; without it the folder is no baseline. From then on one
    of the two is complete, under its name or beside it, whenever this is killed: see `atomic_replace`.

    The contract gets the size and the digest of every other file. The user's `thresholds.toml`, reviewed by
    hand, is taken over from the old baseline, as other files are that `prepare` did not write. So is a schema
    that was edited there, under another name, which is returned; None where there is none.
    """
    texts = {SCHEMA: schema, TRANSFORMED_SCHEMA: transformed_schema}
    binaries = {STATISTICS: statistics, TRANSFORMED_STATISTICS: transformed_statistics}
    if augmented_statistics is not None:
        binaries[AUGMENTED_STATISTICS] = augmented_statistics
    for name, message in texts.items():
        paths.write_atomically(paths.join(staged, name), text_format.MessageToString(message).encode())
    for name, message in binaries.items():
        paths.write_atomically(paths.join(staged, name), message.SerializeToString(deterministic=True))
    if variation is not None:
        paths.write_atomically(paths.join(staged, VARIATION), variation)
        contract = dataclasses.replace(contract, variation=hashlib.sha256(variation).hexdigest())
    contract = dataclasses.replace(contract, files=contents.record(staged, paths.list_files(staged)))
    old = atomic_replace.readable_folder(path)
    if paths.exists(reviewed := paths.join(old, THRESHOLDS)):
        paths.copy_file(reviewed, paths.join(staged, THRESHOLDS))
    kept = _keep_edited_schema(old, staged)
    paths.write_atomically(paths.join(staged, CONTRACT), contract.to_bytes())
    atomic_replace.take_name(path, staged)
    return kept


def _keep_edited_schema(old: str, staged: str) -> str | None:
    """Takes over a schema that was edited by hand, under another name; gives that name."""
    try:
        files = Contract.from_json(json.loads(paths.read_bytes(paths.join(old, CONTRACT)))).files
        data = paths.read_bytes(paths.join(old, SCHEMA))
    except (InputError, ValueError, RecursionError):
        return None
    new, digest = paths.read_bytes(paths.join(staged, SCHEMA)), contents.digest_of(data)
    if SCHEMA not in files or digest == files[SCHEMA] or data == new:
        return None
    name = EDITED_SCHEMA.format(digest.sha256[:8])
    paths.write_atomically(paths.join(staged, name), data)
    return name
