"""The user's Keras model: loading it, feeding it with transformed features, naming its predictions."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import json
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph import module_errors

UNNAMED_OUTPUT = "outputs"
_CUSTOM_MODULE = "trueserve_custom_objects"


def load_model(path: str, custom_objects: str | None = None) -> Any:
    """The model in a `.keras` file, not compiled: by Keras 3, or by tf_keras where Keras 2 saved it.

    `custom_objects` is a Python file that is run first: what it registers with
    `keras.saving.register_keras_serializable` is found, and so is each class and function that it defines,
    by its name. Raises UsageError when either file cannot be loaded.
    """
    if keras.config.backend() != "tensorflow":
        raise UsageError(
            f"the Keras backend is {keras.config.backend()}, and a served model needs tensorflow; "
            "set KERAS_BACKEND=tensorflow"
        )
    if path.lower().endswith((".h5", ".hdf5")):
        # Keras before 3.11.3 runs the code of such a file's Lambda layers, whatever its safe mode says.
        raise UsageError(f"{path} is in Keras' old HDF5 format; save the model as a .keras file")
    library = _library(path)
    objects = _custom_objects(custom_objects) if custom_objects else {}
    try:
        return library.models.load_model(path, custom_objects=objects, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises what the model's own code raises, too.
        hint = "" if custom_objects else "; own layers need --custom_objects=FILE"
        raise UsageError(f"cannot load the Keras model {path}: {_first_line(error)}{hint}") from error


def _library(path: str) -> Any:
    """The Keras that saved the file: Keras 3 does not know the classes of Keras 2."""
    if not (version := _saved_by(path)).startswith("2."):
        return keras
    try:
        return importlib.import_module("tf_keras")
    except ImportError as error:
        raise UsageError(
            f"{path} was saved by Keras {version}, which needs tf_keras: install it, or save the model with"
            " Keras 3"
        ) from error


def _saved_by(path: str) -> str:
    """The version of Keras that a file states; empty where it states none."""
    try:
        with zipfile.ZipFile(path) as archive:
            metadata = json.loads(archive.read("metadata.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):  # loading it says what is wrong
        return ""
    return str(metadata.get("keras_version", "")) if isinstance(metadata, dict) else ""


def _is_sequential(model: Any) -> bool:
    libraries = [keras, *filter(None, [sys.modules.get("tf_keras")])]
    return any(isinstance(model, library.Sequential) for library in libraries)


def feeder(model: Any, available: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """How `model` is called with a mapping of transformed features.

    A functional model is fed by name: the keys of its dict of inputs, or else the names of its `Input`s,
    are names of transformed features. If it has a single input of another name, and the graph a single
    output, that is its input. A subclassed model gets the dict of all transformed features.

    Args:
      available: names of the transformed features that requests can give.

    Raises UsageError when an input is none of `available`.
    """
    inputs = _inputs(model)
    if inputs is None:
        return lambda features: model(dict(features), training=False)
    if isinstance(inputs, Mapping):
        names = {key: key for key in inputs}
        _check_names(list(names), available)
        return lambda features: model({key: features[key] for key in names}, training=False)
    return _positional_feeder(model, inputs, available)


def name_outputs(model: Any, outputs: Any) -> dict[str, Any]:
    """The model's predictions by name.

    A dict keeps its keys; of a functional model the outputs have the names of their layers; a single
    output without a name is `outputs`. Raises UsageError for anything else than tensors with names.
    """
    if isinstance(outputs, Mapping):
        return dict(outputs)
    listed = list(outputs) if isinstance(outputs, list | tuple) else [outputs]
    names = _output_names(model, len(listed))
    if len(set(names)) != len(listed):
        raise UsageError(f"the model has {len(listed)} outputs and names {names}; give each its own name")
    return dict(zip(names, listed, strict=True))


def _custom_objects(path: str) -> dict[str, Any]:
    module_spec = importlib.util.spec_from_file_location(_CUSTOM_MODULE, path)
    if module_spec is None or module_spec.loader is None:
        raise UsageError(f"--custom_objects={path} is no Python file; give a file that ends in .py")
    module = importlib.util.module_from_spec(module_spec)
    # dataclasses and Keras look the module of a class up by its name.
    sys.modules[_CUSTOM_MODULE] = module
    try:
        module_spec.loader.exec_module(module)
    except Exception as error:
        problem = module_errors.describe(error, str(Path(path)))
        raise UsageError(f"--custom_objects={Path(path)} cannot be run: {problem}") from error
    return {
        name: value
        for name, value in vars(module).items()
        if (inspect.isclass(value) or inspect.isfunction(value)) and value.__module__ == _CUSTOM_MODULE
    }


def _inputs(model: Any) -> Any:
    """A mapping or a list of the model's symbolic inputs; None if it has none (a subclassed model)."""
    if _is_sequential(model):
        return list(model.inputs or []) or None
    try:
        inputs = model.input
    except (AttributeError, ValueError):
        return None
    if isinstance(inputs, Mapping):
        return inputs
    return list(inputs) if isinstance(inputs, list | tuple) else [inputs]


def _positional_feeder(
    model: Any, inputs: list[Any], available: Sequence[str]
) -> Callable[[Mapping[str, Any]], Any]:
    names = [tensor.name for tensor in inputs]
    if len(names) == 1 and len(available) == 1:
        names = list(available)
    _check_names(names, available)
    if len(names) == 1:
        return lambda features: model(features[names[0]], training=False)
    return lambda features: model([features[name] for name in names], training=False)


def _check_names(names: Sequence[str], available: Sequence[str]) -> None:
    unknown = sorted(set(names) - set(available))
    if unknown:
        raise UsageError(
            f"the model's input {', '.join(map(repr, unknown))} is no transformed feature that requests can "
            f"give; those are: {', '.join(sorted(available))}. Name each keras.Input after its feature"
        )


def _output_names(model: Any, count: int) -> list[str]:
    names = getattr(model, "output_names", None)
    if names is None and _is_sequential(model):
        names = [model.layers[-1].name]
    if names is None and count == 1:
        names = [UNNAMED_OUTPUT]
    return list(names or [])


def _first_line(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0][:300] if lines else type(error).__name__
