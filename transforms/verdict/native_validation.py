"""`tfdv.validate_statistics` without the package around it.

TFDV validates in native code, which loads in milliseconds. Its Python package imports TensorFlow first, for
more than a second. Where the native code cannot be loaded by itself, or takes other arguments, the package
is asked.
"""

from __future__ import annotations

import functools
import importlib.machinery
import importlib.util
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tensorflow_metadata.proto.v0 import anomalies_pb2, schema_pb2

from trueserve.transforms.verdict.feature_stats import Statistics

PACKAGE = "tensorflow_data_validation"
EXTENSION = f"{PACKAGE}.pywrap.tensorflow_data_validation_extension"
# Statistics, schema, environment; previous, serving and earlier version's statistics; features needed,
# configuration; whether to say how the schema would have to change.
_NUM_ARGUMENTS = 9
_ARGUMENT = re.compile(r"\barg\d+: ")


def validate_statistics(
    statistics: Statistics,
    schema: schema_pb2.Schema,
    environment: str | None = None,
    serving_statistics: Statistics | None = None,
) -> anomalies_pb2.Anomalies:
    """What `tfdv.validate_statistics` gives for statistics of a single dataset each.

    Raises ValueError for an environment that is not in the schema.
    """
    native = _native()
    if native is None:
        return _by_package(statistics, schema, environment, serving_statistics)
    if environment is not None and environment not in schema.default_environment:
        raise ValueError(f"Environment {environment} not found in the schema.")
    serving = b"" if serving_statistics is None else _dataset(serving_statistics)
    of_schema = schema.SerializeToString()
    answer = native(
        _dataset(statistics), of_schema, (environment or "").encode(), b"", serving, b"", b"", b"", False
    )
    return anomalies_pb2.Anomalies.FromString(answer)


def _by_package(
    statistics: Statistics, schema: schema_pb2.Schema, environment: str | None, serving: Statistics | None
) -> anomalies_pb2.Anomalies:
    import tensorflow_data_validation as tfdv

    return tfdv.validate_statistics(statistics, schema, environment=environment, serving_statistics=serving)


def _dataset(statistics: Statistics) -> bytes:
    (dataset,) = statistics.datasets
    serialized: bytes = dataset.SerializeToString()
    return serialized


@functools.cache
def _native() -> Callable[..., bytes] | None:
    """The native function; None if it is not there, or has other arguments than these."""
    try:
        function: Callable[..., bytes] = _extension().validation.ValidateFeatureStatistics
    except (ImportError, AttributeError):
        return None
    num_arguments = len(_ARGUMENT.findall(function.__doc__ or ""))
    return function if num_arguments == _NUM_ARGUMENTS else None


def _extension() -> Any:
    """The native module, under its own name: if TFDV is imported later, it takes this one."""
    if EXTENSION in sys.modules or PACKAGE in sys.modules:
        return importlib.import_module(EXTENSION)
    spec = importlib.util.spec_from_file_location(EXTENSION, _file())
    if spec is None or spec.loader is None:
        raise ImportError(f"{EXTENSION} is no module")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return sys.modules.setdefault(EXTENSION, module)


def _file() -> Path:
    """The file of the native module. Raises ImportError if there is none."""
    spec = importlib.util.find_spec(PACKAGE)  # which imports nothing
    _, *folders, name = EXTENSION.split(".")
    packages = (spec and spec.submodule_search_locations) or ()
    suffixes = importlib.machinery.EXTENSION_SUFFIXES
    files = [Path(package, *folders, name + suffix) for package in packages for suffix in suffixes]
    existing = [file for file in files if file.is_file()]
    if not existing:
        raise ImportError(f"{PACKAGE} has no {name}")
    return existing[0]
