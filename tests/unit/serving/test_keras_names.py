"""How a model's inputs and outputs are named, of models of every kind: without any training."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keras
import pytest

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.serving import keras_model


class Model:
    """Stands for a model: it answers with what it is called with."""

    def __init__(self, **attributes: Any) -> None:
        vars(self).update(attributes)

    def __call__(self, inputs: Any, training: bool) -> Any:
        assert training is False
        return inputs


def named(*names: str) -> list[Any]:
    return [SimpleNamespace(name=name) for name in names]


FEATURES = {"a": 1, "b": 2, "c": 3}
AVAILABLE = ["a", "b", "c"]


def fed(model: Any, available: list[str] | None = None) -> Any:
    return keras_model.feeder(model, available or AVAILABLE)(FEATURES)


def test_a_model_is_fed_with_what_its_inputs_name() -> None:
    assert fed(Model()) == FEATURES
    assert fed(Model(input={"b": None, "a": None})) == {"b": 2, "a": 1}
    assert fed(Model(input=named("c", "a"))) == [3, 1]
    assert fed(Model(input=tuple(named("c", "a")))) == [3, 1]
    assert fed(Model(input=named("b")[0])) == 2
    assert fed(Model(input=named("b"))) == 2
    assert fed(Model(input=named("other")), ["a"]) == 1


@pytest.mark.parametrize("inputs", [{"z": None, "y": None}, named("z", "y"), named("z", "a", "y")])
def test_an_input_that_is_no_feature_is_refused(inputs: Any) -> None:
    with pytest.raises(UsageError) as error:
        fed(Model(input=inputs))
    assert str(error.value) == (
        "the model's input 'y', 'z' is no transformed feature that requests can give; those are: a, b, c."
        " Name each keras.Input after its feature"
    )


def test_two_inputs_are_not_the_only_feature() -> None:
    with pytest.raises(UsageError, match="input 'b', 'z' is no"):
        fed(Model(input=named("b", "z")), ["a"])


def names(model: Any, outputs: Any) -> dict[str, Any]:
    return keras_model.name_outputs(model, outputs)


def test_predictions_have_the_names_of_the_model() -> None:
    assert names(Model(), {"x": 1}) == {"x": 1}
    assert names(Model(), 1) == {"outputs": 1}
    assert names(Model(), [1]) == {"outputs": 1}
    assert names(Model(output_names=["p", "q"]), [1, 2]) == {"p": 1, "q": 2}
    assert names(Model(output_names=["p", "q"]), (1, 2)) == {"p": 1, "q": 2}
    sequential = keras.Sequential([keras.Input((1,)), keras.layers.Rescaling(1.0, name="last")])
    assert names(sequential, 1) == {"last": 1}


@pytest.mark.parametrize(
    ("given", "outputs", "problem"),
    [
        (None, [1, 2], "has 2 outputs and names []"),
        (["p"], [1, 2], "has 2 outputs and names ['p']"),
        (["p", "p"], [1, 2], "has 2 outputs and names ['p', 'p']"),
        (["p", "q"], [1], "has 1 outputs and names ['p', 'q']"),
    ],
)
def test_outputs_without_a_name_each_are_refused(given: Any, outputs: Any, problem: str) -> None:
    with pytest.raises(UsageError) as error:
        names(Model(output_names=given), outputs)
    assert str(error.value) == f"the model {problem}; give each its own name"


def objects(folder: Path, source: str) -> dict[str, Any]:
    (folder / "own.py").write_text(source)
    try:
        return keras_model._custom_objects(str(folder / "own.py"))
    finally:
        sys.modules.pop("trueserve_custom_objects", None)


def test_classes_and_functions_of_the_file_are_its_objects(tmp_path: Path) -> None:
    source = "from pathlib import Path\nfrom os.path import join\nclass A: pass\ndef f(): pass\nB = A()\n"
    assert set(objects(tmp_path, source)) == {"A", "f"}


def test_a_file_that_is_no_python_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is no Python file; give a file that ends in \.py"):
        keras_model._custom_objects(str(tmp_path / "own.txt"))
    with pytest.raises(UsageError, match=r"own\.py cannot be run: .*own\.py:\d+: RuntimeError: first"):
        objects(tmp_path, "raise RuntimeError('\\n  first  \\nsecond')")
    with pytest.raises(
        UsageError, match=r"own\.py cannot be run: .*own\.py:\d+: RuntimeError: RuntimeError$"
    ):
        objects(tmp_path, "raise RuntimeError")
    with pytest.raises(UsageError) as error:
        objects(tmp_path, "raise RuntimeError('x' * 400)")
    assert str(error.value).endswith(": " + "x" * 300)


def test_another_backend_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keras.config, "backend", lambda: "jax")
    with pytest.raises(UsageError, match="the Keras backend is jax, and a served model needs tensorflow;"):
        keras_model.load_model("m.keras")


def test_a_model_that_cannot_be_loaded_may_lack_its_own_layers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[dict[str, Any]] = []

    def fail(path: str, **more: Any) -> None:
        calls.append({"path": path, **more})
        raise ValueError("no layer")

    monkeypatch.setattr(keras.models, "load_model", fail)
    hint = "; own layers need --custom_objects=FILE"
    with pytest.raises(UsageError) as error:
        keras_model.load_model("m.keras")
    assert str(error.value) == f"cannot load the Keras model m.keras: no layer{hint}"
    (tmp_path / "own.py").write_text("class A: pass\n")
    with pytest.raises(UsageError) as error:
        keras_model.load_model("m.keras", str(tmp_path / "own.py"))
    assert str(error.value) == "cannot load the Keras model m.keras: no layer"
    assert [(call["compile"], call["safe_mode"], list(call["custom_objects"])) for call in calls] == [
        (False, True, []),
        (False, True, ["A"]),
    ]
    sys.modules.pop("trueserve_custom_objects", None)
