"""The baseline folder: its files, how it is written whole or not at all, and how it is read and checked."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms.baseline import atomic_replace, contents, messages
from transforms.baseline.atomic_replace import CONTRACT as CONTRACT  # noqa: PLC0414
from transforms.baseline.atomic_replace import discard as discard  # noqa: PLC0414
from transforms.baseline.atomic_replace import readable_folder as readable_folder  # noqa: PLC0414
from transforms.baseline.atomic_replace import staging as staging  # noqa: PLC0414
from transforms.baseline.contents import TRANSFORM_OUTPUT as TRANSFORM_OUTPUT  # noqa: PLC0414
from transforms.baseline.contents import Contents
from transforms.baseline.contract import FORMAT_VERSION, SEAL, Contract, is_sealed
from transforms.baseline.messages import load_schema as load_schema  # noqa: PLC0414 - part of this module, too
from transforms.baseline.messages import load_schema_and_statistics as load_schema_and_statistics  # noqa: PLC0414
from transforms.core.errors import InputError, UsageError
from transforms.files import paths

SCHEMA = "schema.pbtxt"
STATISTICS = "stats.binpb"
TRANSFORMED_SCHEMA = "transformed_schema.pbtxt"
TRANSFORMED_STATISTICS = "transformed_stats.binpb"
AUGMENTED_STATISTICS = "augmented_stats.binpb"
VARIATION = "variation.arrow"
TRANSFORMED_EXAMPLES = "transformed_examples"
PROBES = "probes.tfrecord"
#: The user's own limits, which they may put there; see `transforms.verdict.thresholds`.
THRESHOLDS = "thresholds.toml"
#: The name under which the next baseline keeps a schema that was edited by hand.
EDITED_SCHEMA = "schema.edited-{}.pbtxt"

# What every baseline has; its contract names the rest.
_NEEDED = (
    SCHEMA,
    STATISTICS,
    TRANSFORMED_SCHEMA,
    TRANSFORMED_STATISTICS,
    f"{TRANSFORM_OUTPUT}/transform_fn/saved_model.pb",
    f"{TRANSFORM_OUTPUT}/transformed_metadata/schema.pbtxt",
    f"{TRANSFORM_OUTPUT}/metadata/schema.pbtxt",
    PROBES,
)
_AGAIN = "run trueserve prepare again"
# So often is a baseline read anew that was replaced meanwhile.
_ATTEMPTS = 3
_LONGEST_NAME = 80


@dataclasses.dataclass(frozen=True)
class Baseline:
    """A complete baseline, loaded.

    Attributes:
      path: the folder, on any file system.
      schema, statistics: of the raw features; the schema has environments and comparators.
      transformed_schema, transformed_statistics: of the graph's outputs, likewise.
      contract: what the baseline promises.
      augmented_statistics: of what training was given, where that was augmented.
      variation: how days and hours of training differ (`verdict.variation.store`), where they are known.
      contents: the files that it must consist of.
      contract_data: content of `contract.json`.
      identity: SHA-256 that tells this baseline, with this schema, from any other.
      probes_data: content of `probes`; empty where the graph's files were left out.
      schema_edited: whether the schema is another than `prepare` wrote.
    """

    path: str
    schema: schema_pb2.Schema
    statistics: statistics_pb2.DatasetFeatureStatisticsList
    transformed_schema: schema_pb2.Schema
    transformed_statistics: statistics_pb2.DatasetFeatureStatisticsList
    contract: Contract
    contents: Contents
    contract_data: bytes
    identity: str
    probes_data: bytes = b""
    augmented_statistics: statistics_pb2.DatasetFeatureStatisticsList | None = None
    variation: bytes | None = None
    schema_edited: bool = False

    @property
    def transform_output(self) -> str:
        """Folder in the layout of `tft.TFTransformOutput`."""
        return paths.join(self.path, TRANSFORM_OUTPUT)

    @property
    def probes(self) -> str:
        return paths.join(self.path, PROBES)


def load(path: str, *, with_graph: bool = True) -> Baseline:
    """Reads a baseline, and verifies that its files are those that `prepare` wrote.

    Names and sizes of all files are compared with those in the contract, and the digests of all that is
    read here: what is parsed are the bytes that were verified. `schema.pbtxt` may have been edited. Training
    examples are not read: see `Contents.local_file`.

    Args:
      with_graph: whether to read and verify the transform graph and the probes, too.

    Raises UsageError if the baseline is missing, incomplete, damaged or of another format version.

    Where a `write` was killed while it put one baseline in the place of another, this reads the new one,
    which is complete and stands beside `path`.
    """
    for _ in range(_ATTEMPTS):
        data, folder = _contract_of(path)
        try:
            return _load(folder, data, with_graph)
        except UsageError:
            # Files of two baselines: it was replaced while it was read.
            if _contract_of(path) == (data, folder):
                raise
    raise UsageError(f"the baseline {path} is replaced again and again; wait until trueserve prepare is done")


def _contract_of(path: str) -> tuple[bytes, str]:
    """The content of the contract, and the folder that it is in."""
    folder = atomic_replace.readable_folder(path)
    if not paths.exists(folder):
        raise UsageError(f"no baseline at {folder}; make one with trueserve prepare")
    try:
        return paths.read_bytes(paths.join(folder, CONTRACT)), folder
    except InputError as error:
        if paths.exists(paths.join(folder, CONTRACT)):
            raise UsageError(f"the baseline {folder} cannot be read: {error}") from error
        raise UsageError(f"the baseline {folder} is incomplete: {CONTRACT} is missing; {_AGAIN}") from error


def _load(path: str, contract_data: bytes, with_graph: bool) -> Baseline:
    contract = _parse_contract(path, contract_data)
    files = Contents(path, contract.files)
    files.check_sizes(edited=(SCHEMA,), closed=TRANSFORM_OUTPUT, optional=TRANSFORMED_EXAMPLES)
    if with_graph:
        files.check(TRANSFORM_OUTPUT)
    statistics, transformed = _statistics(files, STATISTICS), _statistics(files, TRANSFORMED_STATISTICS)
    assert statistics is not None
    assert transformed is not None
    schema_data = files.read_edited(SCHEMA)
    baseline = Baseline(
        path=path,
        schema=messages.parse(schema_data, paths.join(path, SCHEMA), schema_pb2.Schema()),
        statistics=statistics,
        transformed_schema=messages.parse(
            files.read(TRANSFORMED_SCHEMA), paths.join(path, TRANSFORMED_SCHEMA), schema_pb2.Schema()
        ),
        transformed_statistics=transformed,
        contract=contract,
        contents=files,
        contract_data=contract_data,
        identity=hashlib.sha256(contract_data + b"\0" + schema_data).hexdigest(),
        probes_data=files.read(PROBES) if with_graph else b"",
        augmented_statistics=_statistics(files, AUGMENTED_STATISTICS),
        variation=files.read(VARIATION) if VARIATION in files.files else None,
        schema_edited=files.is_edited(SCHEMA, schema_data),
    )
    _check_schema(baseline)
    return baseline


def _statistics(files: Contents, name: str) -> statistics_pb2.DatasetFeatureStatisticsList | None:
    """None for a file that this baseline does not have."""
    if name not in files.files:
        return None
    return messages.parse_statistics(files.read(name), paths.join(files.path, name))


def _check_schema(baseline: Baseline) -> None:
    """An edited schema has features of the training data alone."""
    if not baseline.schema_edited:
        return
    file = paths.join(baseline.path, SCHEMA)
    if not baseline.schema.feature:
        raise UsageError(f"the schema {file} has no feature; {contents.AGAIN}")
    check_names([f.name for f in baseline.schema.feature], baseline.contract.raw_features, file)


def check_names(names: Iterable[str], known: Iterable[str], file: str) -> None:
    """Raises UsageError for the first name in `file` that is none of the baseline's, with close matches."""
    features = sorted(set(known))
    for name in names:
        if name not in features:
            close = difflib.get_close_matches(name, features, n=3, cutoff=0.5)
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
            shown = name[:_LONGEST_NAME].encode("unicode_escape").decode()
            raise UsageError(f"{file} names feature {shown!r}, which the baseline does not have{hint}")


def check_target(path: str) -> None:
    """Raises UsageError where `write` could not, or should not, put a baseline.

    A baseline that is there already will be replaced; a folder with anything else in it will not. Files that
    the user put beside those of `prepare` are kept (see `atomic_replace`); there must be none among its graph
    and its training examples. What a `write` that was killed has left half done is brought to its end first.
    """
    atomic_replace.finish(path)
    if paths.is_local(path) and Path(path).is_file():
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


def write(
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


def _parse_contract(path: str, data: bytes) -> Contract:
    file = paths.join(path, CONTRACT)
    try:
        values = json.loads(data)
        _check_version(path, values)
        contract = Contract.from_json(values)
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{file} is no contract: {error}; {_AGAIN}") from error
    if not contract.files and SEAL not in values:
        raise UsageError(
            f"the baseline {path} was made by an older trueserve: {CONTRACT} has no digests of its files;"
            f" {_AGAIN}"
        )
    if not is_sealed(values):
        raise UsageError(f"the baseline {path} is damaged: {CONTRACT} is not as it was written; {_AGAIN}")
    if missing := [name for name in _NEEDED if name not in contract.files]:
        raise UsageError(f"the baseline {path} is incomplete: {missing[0]} is missing; {_AGAIN}")
    return contract


def _check_version(path: str, values: Any) -> None:
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise UsageError(
            f"the baseline {path} has format version {version}; expected {FORMAT_VERSION}; {_AGAIN}"
        )
