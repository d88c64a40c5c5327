"""Packages of further ops are imported only where a model does not load without."""

from __future__ import annotations

from typing import Any

import pytest
import tensorflow as tf

from trueserve.transforms.graph import op_libraries

UNKNOWN = "Op type not registered 'Tokenize' in binary running on host. Make sure the Op's kernel is there."


class Loader:
    """Loads a model if it is asked for the `at`th time; else fails with `message`."""

    def __init__(self, at: int, message: str) -> None:
        self.calls, self._at, self._message = 0, at, message

    def __call__(self, folder: str) -> str:
        self.calls += 1
        if self.calls < self._at:
            raise ValueError(self._message)
        return f"the model in {folder}"


@pytest.fixture
def imported(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of packages that were imported; of the three `tensorflow_text` is missing."""
    names: list[str] = []

    def find_spec(name: str) -> Any:
        return None if name == "tensorflow_text" else object()

    def import_module(name: str) -> None:
        if name == "struct2tensor":
            raise ImportError("broken")
        names.append(name)

    monkeypatch.setattr("importlib.util.find_spec", find_spec)
    monkeypatch.setattr("importlib.import_module", import_module)
    return names


def test_packages_that_are_missing_or_broken_are_named(imported: list[str]) -> None:
    assert op_libraries.import_op_libraries() == ["tensorflow_text", "struct2tensor"]
    assert imported == ["tensorflow_decision_forests"]


@pytest.mark.parametrize(("at", "calls", "packages"), [(1, 1, 0), (2, 2, 1)])
def test_a_model_is_loaded_again_with_the_packages(
    monkeypatch: pytest.MonkeyPatch, imported: list[str], at: int, calls: int, packages: int
) -> None:
    loader = Loader(at, UNKNOWN)
    monkeypatch.setattr(tf.saved_model, "load", loader)
    assert op_libraries.load("m") == "the model in m"
    assert (loader.calls, len(imported)) == (calls, packages)


def test_an_op_that_no_package_brings(monkeypatch: pytest.MonkeyPatch, imported: list[str]) -> None:
    monkeypatch.setattr(tf.saved_model, "load", Loader(9, UNKNOWN))
    with pytest.raises(
        RuntimeError, match=r"does not know its op 'Tokenize'; not installed: tensorflow_text, struct2tensor$"
    ):
        op_libraries.load("m")
    monkeypatch.setattr(op_libraries, "OP_LIBRARIES", ("tensorflow_decision_forests",))
    with pytest.raises(RuntimeError, match=r"does not know its op 'Tokenize'$"):
        op_libraries.load("m")


@pytest.mark.parametrize(
    "message", ["no such folder", "Op type not registered", "Op type not registered 'half"]
)
def test_other_errors_are_those_of_tensorflow(
    monkeypatch: pytest.MonkeyPatch, imported: list[str], message: str
) -> None:
    loader = Loader(9, message)
    monkeypatch.setattr(tf.saved_model, "load", loader)
    with pytest.raises(ValueError, match=message):
        op_libraries.load("m")
    assert (loader.calls, imported) == (1, [])
