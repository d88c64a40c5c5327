"""What a baseline promises: what it was made of and with, as `contract.json` holds it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trueserve.transforms.baseline.contents import FileDigest

FORMAT_VERSION = 1
#: Where a contract file has the digest of the rest of it.
SEAL = "sha256"

# The packages whose version can change what a graph computes or what a statistic says.
_PACKAGES = (
    "tensorflow",
    "tensorflow-transform",
    "tensorflow-data-validation",
    "tensorflow-metadata",
    "tfx-bsl",
    "apache-beam",
    "keras",
    "numpy",
    "pyarrow",
    "protobuf",
    "trueserve",
)


Ids = Mapping[str, tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Digests:
    """SHA-256 digests, as lower-case hexadecimal.

    Attributes:
      preprocessing_source: of the file with the preprocessing_fn, as its bytes are; empty where a graph was
        adopted, of which the file is not known.
      graph: of the whole transform graph; see `digest_graph`.
      assets: of each asset of the graph (its vocabularies), by file name.
    """

    preprocessing_source: str
    graph: str
    assets: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class Contract:
    """The baseline's promise.

    Attributes:
      created: time in UTC, ISO 8601.
      digests: of source, graph and assets.
      versions: of Python and of the packages (underscores in their names) that made the baseline.
      num_examples: training rows that the graph and the statistics were computed from.
      label: the raw feature that SERVING lacks, if any.
      raw_features: names of all raw features, the label included, in the schema's order.
      transformed_features: for each output of the graph the raw features that it is computed from.
      format_version: of the baseline folder.
      augmentation: SHA-256 of the file whose function augmented what training was given, if any.
      unknown_ids: for each output that gives ids of words the first and the last id of an unknown word.
      buckets: for each output of buckets the first and the last.
      time_feature: the feature that held a training row's time, if any was named.
      periods: then, how many days and hours of training were kept, and the rows that have no time.
      missing_values: texts that meant a missing value in the training data.
      identifiers: raw features of which each value came once (`baseline.identifiers`).
      looked_up: for each output the raw features that reach it through tables alone (`graph.lineage`).
      repeats: how often training rows have the same values, and a digest of the features that were looked at
        (`logs.repeated_rows`); empty where that is not known.
      variation: then, SHA-256 of the file that holds them.
      group_by: the feature of which equal values made training rows belong together, if any was named.
      files: size and digest of every other file that `prepare` wrote into the folder, by path below it;
        empty in a contract that an older release wrote.
      adopted: SHA-256 of the schema and the statistics that `adopt` was given, by flag; else empty.
      lacks: what the baseline therefore does not have, by part, and in words what that means.
    """

    created: str
    digests: Digests
    versions: Mapping[str, str]
    num_examples: int
    label: str | None
    raw_features: tuple[str, ...]
    transformed_features: Mapping[str, tuple[str, ...]]
    format_version: int = FORMAT_VERSION
    augmentation: str | None = None
    unknown_ids: Ids = dataclasses.field(default_factory=dict)
    buckets: Ids = dataclasses.field(default_factory=dict)
    time_feature: str | None = None
    periods: Mapping[str, int] = dataclasses.field(default_factory=dict)
    variation: str | None = None
    group_by: str | None = None
    missing_values: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    looked_up: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    repeats: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    files: Mapping[str, FileDigest] = dataclasses.field(default_factory=dict)
    adopted: Mapping[str, str] = dataclasses.field(default_factory=dict)
    lacks: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain values for `json.dumps`."""
        return {
            **dataclasses.asdict(self),
            "raw_features": list(self.raw_features),
            "missing_values": list(self.missing_values),
            "identifiers": list(self.identifiers),
            "transformed_features": {name: list(raw) for name, raw in self.transformed_features.items()},
            "looked_up": {name: list(raw) for name, raw in self.looked_up.items()},
            "unknown_ids": {name: list(ids) for name, ids in self.unknown_ids.items()},
            "buckets": {name: list(ids) for name, ids in self.buckets.items()},
            "files": {name: digest._asdict() for name, digest in sorted(self.files.items())},
        }

    def to_verdict(self) -> dict[str, Any]:
        """What a verdict tells of the contract: all but hashes of rows, and the many files."""
        return {name: value for name, value in self.to_json().items() if name not in ("files", "repeats")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Contract:
        """The inverse of `to_json`. Raises ValueError naming what is missing or of another type."""
        try:
            return cls(
                created=values["created"],
                digests=Digests(**values["digests"]),
                versions=dict(values["versions"]),
                num_examples=int(values["num_examples"]),
                label=values["label"],
                raw_features=tuple(values["raw_features"]),
                transformed_features={n: tuple(raw) for n, raw in values["transformed_features"].items()},
                format_version=int(values["format_version"]),
                augmentation=values.get("augmentation"),
                unknown_ids=_ids(values.get("unknown_ids", {})),
                buckets=_ids(values.get("buckets", {})),
                time_feature=values.get("time_feature"),
                periods={name: int(count) for name, count in values.get("periods", {}).items()},
                variation=values.get("variation"),
                group_by=values.get("group_by"),
                missing_values=tuple(map(str, values.get("missing_values", ()))),
                identifiers=tuple(map(str, values.get("identifiers", ()))),
                looked_up={name: tuple(raw) for name, raw in values.get("looked_up", {}).items()},
                repeats=dict(values.get("repeats", {})),
                files=_files(values.get("files", {})),
                adopted=dict(values.get("adopted", {})),
                lacks=dict(values.get("lacks", {})),
            )
        except KeyError as error:
            raise ValueError(f"{error.args[0]!r} is missing") from error
        except (TypeError, AttributeError) as error:
            raise ValueError(str(error)) from error

    def to_bytes(self) -> bytes:
        """The content of `contract.json`, with the digest of its own values."""
        values = self.to_json()
        sealed = {**values, SEAL: _sealed(values)}
        return (json.dumps(sealed, indent=2, sort_keys=True) + "\n").encode()


def is_sealed(values: Mapping[str, Any]) -> bool:
    """Whether the JSON values of a contract file are those that were written with its digest."""
    return values.get(SEAL) == _sealed({name: value for name, value in values.items() if name != SEAL})


def _sealed(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def make_contract(
    transform_output_dir: str,
    *,
    preprocessing_source: str,
    num_examples: int,
    label: str | None,
    raw_features: Iterable[str],
    transformed_features: Mapping[str, Iterable[str]],
    augmentation: str | None = None,
    unknown_ids: Ids | None = None,
    buckets: Ids | None = None,
    time_feature: str | None = None,
    periods: Mapping[str, int] | None = None,
    group_by: str | None = None,
    missing_values: Iterable[str] = (),
    identifiers: Iterable[str] = (),
    looked_up: Mapping[str, Iterable[str]] | None = None,
    repeats: Mapping[str, Any] | None = None,
) -> Contract:
    """The contract of a transform output (a local folder) that was made just now, by this process."""
    assets = _assets(Path(transform_output_dir))
    return Contract(
        created=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        digests=Digests(preprocessing_source, digest_graph(transform_output_dir), assets),
        versions=versions(),
        num_examples=num_examples,
        label=label,
        raw_features=tuple(raw_features),
        transformed_features={name: tuple(raw) for name, raw in transformed_features.items()},
        augmentation=augmentation,
        unknown_ids=unknown_ids or {},
        buckets=buckets or {},
        time_feature=time_feature,
        periods=periods or {},
        group_by=group_by,
        missing_values=tuple(missing_values),
        identifiers=tuple(identifiers),
        looked_up={name: tuple(raw) for name, raw in (looked_up or {}).items()},
        repeats=repeats or {},
    )


def digest_graph(transform_output_dir: str) -> str:
    """SHA-256 over every file of the saved graph, by name and content, but for TensorFlow's fingerprint.

    Equal digests mean equal graphs. Different ones need not mean a difference that can be observed:
    tracing numbers a graph's functions anew, and the probes are there to tell.
    """
    folder = Path(transform_output_dir, "transform_fn")
    digest = hashlib.sha256()
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.name != "fingerprint.pb"):
        digest.update(f"{path.relative_to(folder).as_posix()}\0{_sha256(path)}\n".encode())
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """Versions of Python and of those of the packages that are installed."""
    installed = {"python": platform.python_version()}
    for name in _PACKAGES:
        try:
            installed[name.replace("-", "_")] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return installed


def _files(values: Mapping[str, Mapping[str, Any]]) -> dict[str, FileDigest]:
    return {name: FileDigest(int(entry["bytes"]), str(entry["sha256"])) for name, entry in values.items()}


def _ids(values: Mapping[str, Iterable[int]]) -> Ids:
    pairs = {name: tuple(map(int, ids)) for name, ids in values.items()}
    return {name: (ids[0], ids[-1]) for name, ids in pairs.items()}


def _assets(transform_output: Path) -> dict[str, str]:
    folder = transform_output / "transform_fn" / "assets"
    return {path.name: _sha256(path) for path in sorted(folder.glob("*")) if path.is_file()}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
