"""The baseline folder: its files, how it is written whole or not at all, and how it is read and checked."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import hashlib
import io
import json
from pathlib import Path
from typing import Any, TypeVar

from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message
from tensorflow_metadata.proto.v0 import schema_pb2, statistics_pb2

from transforms import paths, tfrecord
from transforms.baseline import replacing, shards
from transforms.baseline.contract import FORMAT_VERSION, Contract
from transforms.baseline.replacing import CONTRACT as CONTRACT  # noqa: PLC0414 - part of this module, too
from transforms.baseline.replacing import discard as discard  # noqa: PLC0414
from transforms.baseline.replacing import staging as staging  # noqa: PLC0414
from transforms.baseline.replacing import whole as whole  # noqa: PLC0414
from transforms.errors import InputError, UsageError

SCHEMA = "schema.pbtxt"
STATISTICS = "stats.binpb"
TRANSFORMED_SCHEMA = "transformed_schema.pbtxt"
TRANSFORMED_STATISTICS = "transformed_stats.binpb"
AUGMENTED_STATISTICS = "augmented_stats.binpb"
VARIATION = "variation.arrow"
TRANSFORM_OUTPUT = "transform_output"
TRANSFORMED_EXAMPLES = "transformed_examples"
PROBES = "probes.tfrecord"
#: The user's own limits, which they may put there; see `transforms.verdict.thresholds`.
THRESHOLDS = "thresholds.toml"

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

_Proto = TypeVar("_Proto", bound=Message)


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
    """

    path: str
    schema: schema_pb2.Schema
    statistics: statistics_pb2.DatasetFeatureStatisticsList
    transformed_schema: schema_pb2.Schema
    transformed_statistics: statistics_pb2.DatasetFeatureStatisticsList
    contract: Contract
    augmented_statistics: statistics_pb2.DatasetFeatureStatisticsList | None = None
    variation: bytes | None = None

    @property
    def transform_output(self) -> str:
        """Folder in the layout of `tft.TFTransformOutput`."""
        return paths.join(self.path, TRANSFORM_OUTPUT)

    @property
    def probes(self) -> str:
        return paths.join(self.path, PROBES)


def load(path: str) -> Baseline:
    """Reads a baseline. Raises UsageError if it is missing, incomplete or of another format version.

    Where a `write` was killed while it put one baseline in the place of another, this reads the new one,
    which is complete and stands beside `path`.
    """
    path = replacing.whole(path)
    contract = _load_contract(path)
    augmented = [AUGMENTED_STATISTICS] if contract.augmentation else []
    varying = [VARIATION] if contract.time_feature else []
    for name in (*_NEEDED, *augmented, *varying):
        if not paths.exists(paths.join(path, name)):
            raise UsageError(f"the baseline {path} is incomplete: {name} is missing; {_AGAIN}")
    return Baseline(
        path=path,
        schema=_read(paths.join(path, SCHEMA), schema_pb2.Schema()),
        statistics=_read_statistics(paths.join(path, STATISTICS)),
        transformed_schema=_read(paths.join(path, TRANSFORMED_SCHEMA), schema_pb2.Schema()),
        transformed_statistics=_read_statistics(paths.join(path, TRANSFORMED_STATISTICS)),
        contract=contract,
        augmented_statistics=_read_statistics(paths.join(path, augmented[0])) if augmented else None,
        variation=_variation(path, contract) if varying else None,
    )


def _variation(path: str, contract: Contract) -> bytes:
    """The bytes that the contract names: Arrow, which reads them, trusts what it reads."""
    data = paths.read_bytes(paths.join(path, VARIATION))
    if hashlib.sha256(data).hexdigest() != contract.variation:
        raise UsageError(f"the baseline {path} is damaged: {VARIATION} is not what was written; {_AGAIN}")
    return data


def load_schema_and_statistics(
    schema_path: str, statistics_path: str
) -> tuple[schema_pb2.Schema, statistics_pb2.DatasetFeatureStatisticsList]:
    """Reads a schema and statistics that TFDV or TFX wrote: text, binary or TFRecord, told by content.

    Raises UsageError for a file that is missing or holds something else.
    """
    return load_schema(schema_path), _read_statistics(statistics_path)


def load_schema(path: str) -> schema_pb2.Schema:
    """Reads a schema, text or binary. Raises UsageError if it is missing, is none or has no feature."""
    schema = _read(path, schema_pb2.Schema())
    if not schema.feature:
        raise UsageError(f"the schema {path} has no feature")
    return schema


def check_target(path: str) -> None:
    """Raises UsageError where `write` could not, or should not, put a baseline.

    A baseline that is there already will be replaced; a folder with anything else in it will not. What a
    `write` that was killed has left half done is brought to its end first.
    """
    replacing.finish(path)
    if paths.is_local(path) and Path(path).is_file():
        raise UsageError(f"{path} is a file; name a folder for the baseline")
    there = paths.list_files(path)
    if there and CONTRACT not in there:
        raise UsageError(f"{path} is not empty and holds no baseline; name a new folder, or empty it")
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
) -> None:
    """Completes a baseline and publishes it under `path`, in place of one that was there.

    `staged`, a folder named by `staging(path)`, already holds `transform_output`, `transformed_examples` and
    `probes.tfrecord`. The contract is written last; without it the folder is no baseline. From then on one
    of the two is complete, under its name or beside it, whenever this is killed: see `replacing`.

    The user's `thresholds.toml`, reviewed by hand, is taken over from the old baseline.
    """
    texts = {SCHEMA: schema, TRANSFORMED_SCHEMA: transformed_schema}
    binaries = {STATISTICS: statistics, TRANSFORMED_STATISTICS: transformed_statistics}
    if augmented_statistics is not None:
        binaries[AUGMENTED_STATISTICS] = augmented_statistics
    for name, message in texts.items():
        paths.write_atomically(paths.join(staged, name), text_format.MessageToString(message).encode())
    for name, message in binaries.items():
        paths.write_atomically(paths.join(staged, name), message.SerializeToString(deterministic=True))
    if paths.exists(reviewed := paths.join(replacing.whole(path), THRESHOLDS)):
        paths.copy_file(reviewed, paths.join(staged, THRESHOLDS))
    if variation is not None:
        paths.write_atomically(paths.join(staged, VARIATION), variation)
        contract = dataclasses.replace(contract, variation=hashlib.sha256(variation).hexdigest())
    paths.write_atomically(paths.join(staged, CONTRACT), contract.to_bytes())
    replacing.take_name(path, staged)


def _load_contract(path: str) -> Contract:
    file = paths.join(path, CONTRACT)
    if not paths.exists(path):
        raise UsageError(f"no baseline at {path}; make one with trueserve prepare")
    if not paths.exists(file):
        raise UsageError(f"the baseline {path} is incomplete: {CONTRACT} is missing; {_AGAIN}")
    try:
        values = json.loads(paths.read_bytes(file))
        _check_version(path, values)
        return Contract.from_json(values)
    except ValueError as error:
        raise UsageError(f"{file} is no contract: {error}; {_AGAIN}") from error


def _check_version(path: str, values: Any) -> None:
    version = values.get("format_version") if isinstance(values, dict) else None
    if version != FORMAT_VERSION:
        raise UsageError(
            f"the baseline {path} has format version {version}; expected {FORMAT_VERSION}; {_AGAIN}"
        )


def _read_statistics(path: str) -> statistics_pb2.DatasetFeatureStatisticsList:
    statistics = _read(path, statistics_pb2.DatasetFeatureStatisticsList())
    if not statistics.datasets:
        raise UsageError(f"the statistics {path} hold no data set")
    try:
        return shards.merged(statistics)
    except ValueError as error:
        raise UsageError(f"the statistics {path} cannot be used: {error}") from error


def _read(path: str, message: _Proto) -> _Proto:
    """Fills `message` from a file, whatever its encoding. Raises UsageError if none fits."""
    try:
        data = paths.read_bytes(path)
    except InputError as error:
        raise UsageError(str(error)) from error
    try:
        _parse(data, message)
    except (DecodeError, text_format.ParseError, tfrecord.TFRecordError, OSError, EOFError) as error:
        name = message.DESCRIPTOR.name
        raise UsageError(f"{path} is no {name} in text, binary or TFRecord form: {error}") from error
    return message


def _parse(data: bytes, message: Message) -> None:
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    if tfrecord.is_header(data):
        for records in tfrecord.read_records(io.BytesIO(data)):
            for record in records:
                message.MergeFromString(record)
        return
    if _looks_like_text(data):
        message.ParseFromString(_binary_of(data, type(message)))  # type: ignore[arg-type]
    else:
        message.ParseFromString(data)


@functools.lru_cache(maxsize=4)
def _binary_of(text: bytes, kind: type[Message]) -> bytes:
    """A message in text form, serialized.

    Kept by its bytes: a launcher and the worker that compares, often one process, read the same files, and
    the statistics of thousands of features take seconds to parse.
    """
    try:
        message = text_format.Parse(text, kind(), allow_unknown_field=True)
    except UnicodeDecodeError as error:
        raise text_format.ParseError(str(error)) from error
    serialized: bytes = message.SerializeToString()
    return serialized


def _looks_like_text(data: bytes) -> bool:
    # Every serialized schema or list of statistics has control characters: its tags and lengths.
    return not any(byte < 9 or 13 < byte < 32 for byte in data[:4096])
