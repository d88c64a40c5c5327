"""The contracts of served versions: by version, from a folder of SavedModels or of contract files."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from trueserve.transforms.baseline.layout import CONTRACT
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import paths

#: Where `export` puts a SavedModel's contract.
IN_MODEL = "assets.extra/contract.json"
_EXTENSION = ".json"


def load(folder: str) -> dict[str, dict[str, Any]]:
    """The contracts in `folder`, as JSON values, by the name of their version.

    A version is a SavedModel's folder with `assets.extra/contract.json` in it, as TF Serving loads them by
    number, or a folder with a `contract.json`, or a file `VERSION.json`. Raises UsageError: there is none, or
    one cannot be read, or a version has two.
    """
    try:
        names = sorted(paths.list_files(folder))
    except InputError as error:
        raise UsageError(f"--contracts: {error}") from error
    by_version: dict[str, str] = {}
    for version, name in _contracts(names):
        if version in by_version:
            raise UsageError(f"--contracts: version {version} has two contracts in {folder}")
        by_version[version] = paths.join(folder, name)
    if not by_version:
        raise UsageError(
            f"--contracts: no contract in {folder}; expected VERSION/{IN_MODEL}, as `trueserve export` writes"
            f" it, VERSION/{CONTRACT} or VERSION{_EXTENSION}"
        )
    return {version: _read(path) for version, path in by_version.items()}


def _contracts(names: list[str]) -> Iterator[tuple[str, str]]:
    """(version, file) of each contract among the files below the folder."""
    for name in names:
        version, _, rest = name.partition("/")
        if rest in (IN_MODEL, CONTRACT):
            yield version, name
        elif not rest and version.endswith(_EXTENSION):
            yield version.removesuffix(_EXTENSION), name


def _read(path: str) -> dict[str, Any]:
    """Only what is compared is looked at: a contract of another release of ours is one, too."""
    try:
        values = json.loads(paths.read_bytes(path))
        digests = values["digests"]
        assets = {str(name): str(digest) for name, digest in digests["assets"].items()}
        return {**values, "digests": {**digests, "graph": str(digests["graph"]), "assets": assets}}
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise UsageError(f"--contracts: {path} is not a contract written by `trueserve prepare`") from error
