"""What `export` says and refuses; the model and its proof are stand-ins."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from support import hand_made_models
from support.memory_files import OBJECTS

from trueserve.pipelines import export
from trueserve.pipelines.display.console import Console
from trueserve.pipelines.flags.export import ExportOptions
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.serving import keras_model, served_assets, serving_model
from trueserve.transforms.serving.tolerance import OutputDifference


@dataclasses.dataclass
class ProvingProcess:
    """In place of the process that the saved model is proven in."""

    differences: list[OutputDifference]
    folders: list[str] = dataclasses.field(default_factory=list)

    def check(self, folder: str) -> list[OutputDifference]:
        self.folders.append(folder)
        return self.differences


def difference(number: int) -> OutputDifference:
    return OutputDifference("serving_default", f"y{number}", "differs")


def console() -> tuple[Console, io.StringIO]:
    out = io.StringIO()
    return Console(out, io.StringIO()), out


def test_a_model_that_agrees_is_proven() -> None:
    process, (shown, out) = ProvingProcess([]), console()
    fresh: Any = process
    export._prove(fresh, "work", shown)
    assert process.folders == ["work"]
    assert out.getvalue() == "proving the saved model on the probes, in a fresh process\n"


@pytest.mark.parametrize(("count", "more"), [(1, ""), (5, ""), (6, "; and 1 more"), (9, "; and 4 more")])
def test_the_first_five_differences_are_named(count: int, more: str) -> None:
    fresh: Any = ProvingProcess([difference(number) for number in range(count)])
    with pytest.raises(InputError) as caught:
        export._prove(fresh, "work", console()[0])
    named = "; ".join(str(difference(number)) for number in range(min(count, 5)))
    assert str(caught.value) == (
        f"the saved model differs from the baseline's probes: {named}{more}; nothing was published"
    )


def test_a_file_is_fetched_or_refused(tmp_path: Path) -> None:
    with export._local_file(None) as path:
        assert path is None
    (tmp_path / "model.keras").write_text("model")
    with export._local_file(str(tmp_path / "model.keras")) as path:
        assert path == str(tmp_path / "model.keras")
    OBJECTS["memory://bucket/model.keras"] = b"remote"
    with export._local_file("memory://bucket/model.keras") as path:
        assert path is not None
        assert Path(path).read_text() == "remote"
    with (
        pytest.raises(UsageError, match="memory://bucket/none"),
        export._local_file("memory://bucket/none"),
    ):
        pass


def test_an_input_that_tensorflow_cannot_name_is_said() -> None:
    serving: Any = dataclasses.make_dataclass("Serving", ["raw_spec"])
    shown, out = console()
    export._report_missing_signature(serving({"hour": tf.TensorSpec([None], tf.int64)}), shown)
    assert out.getvalue() == ""
    names = {name: tf.TensorSpec([None], tf.int64) for name in ("an hour", "hour")}
    export._report_missing_signature(serving(names), shown)
    assert (
        out.getvalue()
        == "no signature raw_tensors: TensorFlow cannot name an input an hour, an hour/present\n"
    )


@pytest.mark.parametrize("left_out", [0, 3])
def test_probes_without_an_answer_are_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, left_out: int
) -> None:
    baseline = hand_made_models.baseline(tmp_path / "baseline")
    (tmp_path / "model.keras").touch()
    serving: Any = dataclasses.make_dataclass("Serving", ["transform_output", "model"])
    serving.raw_spec = {}
    written: list[dict[str, Any]] = []
    monkeypatch.setattr(keras_model, "load_model", lambda file, custom_objects: (file, custom_objects))
    monkeypatch.setattr(serving_model, "ServingModel", serving)
    monkeypatch.setattr(serving_model, "save", lambda model, folder: "signatures")

    def write_assets(*_: Any, **named: Any) -> int:
        written.append(named)
        return left_out

    monkeypatch.setattr(served_assets, "write_assets", write_assets)
    options = ExportOptions("b", str(tmp_path / "model.keras"), str(tmp_path / "served/"))
    shown, out = console()
    model: Any = export._build(options, baseline, "work", shown)
    assert model.model == (options.model, None)
    assert model.transform_output == baseline.transform_output
    assert written == [{"contract": b"{}", "probes": b"probes of the baseline", "name": "served"}]
    lines = out.getvalue().splitlines()
    assert lines[0] == f"joining the transform graph of {baseline.path} and {options.model}"
    lines_of_probes = (
        [f"{left_out} made-up probes left out: the model has no answer to them"] if left_out else []
    )
    assert lines[1:] == lines_of_probes
