"""A complete baseline, read from its folder and checked against its contract."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import json
from collections.abc import Iterable
from typing import Any

from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from trueserve.transforms.baseline import atomic_replace, contents, messages
from trueserve.transforms.baseline.contents import Contents
from trueserve.transforms.baseline.contract import FORMAT_VERSION, SEAL, Contract, is_sealed
from trueserve.transforms.baseline.layout import (
    AUGMENTED_STATISTICS,
    CONTRACT,
    PROBES,
    SCHEMA,
    STATISTICS,
    TRANSFORM_OUTPUT,
    TRANSFORMED_EXAMPLES,
    TRANSFORMED_SCHEMA,
    TRANSFORMED_STATISTICS,
    VARIATION,
)
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths

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
_AGAIN = "run trueserve prepare or adopt again"
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


def load_baseline(path: str, *, with_graph: bool = True) -> Baseline:
    """Reads a baseline, and verifies that its files are those that `prepare` wrote.

    Names and sizes of all files are compared with those in the contract, and the digests of all that is
    read here: what is parsed are the bytes that were verified. `schema.pbtxt` may have been edited. Training
    examples are not read: see `Contents.local_file`.

    Args:
      with_graph: whether to read and verify the transform graph and the probes, too.

    Raises UsageError if the baseline is missing, incomplete, damaged or of another format version.

    Where a `write_baseline` was killed while it put one baseline in the place of another, this reads the new
    one, which is complete and stands beside `path`.
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
