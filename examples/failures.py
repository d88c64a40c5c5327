"""Runs three small examples right and wrong, and makes the table of docs/failures.md of what was found.

`python examples/failures.py` shows the table; with `--write` it brings docs/failures.md up to date.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from examples.failures_table import DOCUMENT, table, with_table  # noqa: E402

PREPROCESSING = "preprocessing.py"

Rows = Sequence[Any]


class Built(NamedTuple):
    """What the right way left: its baseline, its Keras model, and the version of the model that is served."""

    folder: Path
    baseline: Path
    model_file: Path
    served: Path


@dataclass(frozen=True)
class Twin:
    """One thing that is done wrong; all else is as in the right twin.

    Attributes:
      name: of its folder.
      fault: in words.
      feature: the raw feature that it is about.
      cause: what the diagnosis must say; empty for a fault that only the model has.
      client: what requests hold, from the things that are held out.
      training: what is trained on, from the things to train on.
      preprocessing: the file that the baseline is made with, in the example's folder.
      model: writes the model that is served into a folder that is not there yet.
      answers: whether that model takes the requests of this example at all.
    """

    name: str
    fault: str
    feature: str
    cause: str = ""
    client: Callable[[Rows], Rows] | None = None
    training: Callable[[Rows], Rows] | None = None
    preprocessing: str = PREPROCESSING
    model: Callable[[Built, Path], None] | None = None
    answers: bool = True


RIGHT = Twin("right", "none", "")


@dataclass(frozen=True)
class Example:
    """One folder of examples: its data, and how its model is trained."""

    name: str
    data: Any
    twins: tuple[Twin, ...]
    training: dict[str, Any] = field(default_factory=dict)


class TwinOutcome(NamedTuple):
    """What the commands said of a twin: exit codes, the findings of `check`, and the verdict."""

    check: int
    checked: dict[str, Any]
    validate: int
    verdict: dict[str, Any]

    def check_errors(self) -> list[str]:
        """Why `check` refused the model: kinds of findings, then rules of the lint."""
        parts = (("kind", self.checked["findings"]), ("rule", self.checked["lint"]))
        return [
            finding[key] for key, findings in parts for finding in findings if finding["severity"] == "error"
        ]

    def errors(self, space: str) -> list[dict[str, Any]]:
        """The verdict's errors on one side of the model."""
        return [
            finding
            for finding in self.verdict["findings"]
            if (finding["severity"], finding["space"]) == ("error", space)
        ]

    def replay_errors(self) -> list[dict[str, Any]]:
        """Those of answers that are not the right model's; how answers are distributed is another matter."""
        return [finding for finding in self.errors("prediction") if finding["kind"] == "replay"]

    def causes(self, feature: str) -> list[dict[str, Any]]:
        """Diagnoses of a raw feature, the surest first."""
        diagnoses = [finding["diagnosis"] for finding in self.errors("raw") if finding["feature"] == feature]
        return sorted(filter(None, diagnoses), key=lambda diagnosis: -float(diagnosis["confidence"]))


def examples() -> tuple[Example, ...]:
    """All three, with their twins."""
    return _scaled_images(), _tokenizer(), _augmented_audio()


def _scaled_images() -> Example:
    from examples import serving
    from examples.scaled_images import data, wrong

    def without_preprocessing(built: Built, to: Path) -> None:
        serving.save_without_transform(built.model_file, to)

    pixels, scale = "pixels", "scale or unit"
    code = _by_hand(data.LABEL, wrong.divided_in_the_graph)
    nothing = "the served model has no preprocessing"
    twins = (
        Twin("undivided", "the client sends 0..255 for 0..1", pixels, scale, wrong.undivided),
        Twin("twice", "the client divides by 255 twice", pixels, scale, wrong.divided_twice),
        Twin("in_the_graph", "serving code divides once more", pixels, model=code),
        Twin("no_transform", nothing, pixels, model=without_preprocessing, answers=False),
    )
    return Example("scaled_images", data, twins)


def _tokenizer() -> Example:
    from examples.tokenizer import data, preprocessing, wrong

    def rebuilt(built: Built, to: Path) -> None:
        wrong.rebuild_vocabulary(built.served, to)

    moved, spelled = "one value moved to another", "case, white space, encoding or prefix"
    twins = (
        Twin("unknown", "unknown words become -1 for 0", "first_word_id", moved, wrong.unknown_moved),
        Twin("punctuation", "commas stay with their words", "words", spelled, wrong.punctuation_attached),
        Twin("case", "words are not brought to lower case", "words", spelled, wrong.case_kept),
        Twin("vocabulary", "a re-built vocabulary", "words", model=rebuilt),
    )
    return Example("tokenizer", data, twins, {"ids": preprocessing.PADDING + 1})


def _augmented_audio() -> Example:
    from examples.augmented_audio import data, wrong

    samples, wider = "samples", "spread at the same centre"
    code, right_code = _by_hand(data.LABEL, wrong.noise_in_the_graph), _by_hand(data.LABEL, dict)
    noisy, fault = "noisy.py", "noise in the `preprocessing_fn`"
    twins = (
        Twin("noisy", "noise in serving", samples, wider, wrong.noisy),
        Twin("clean", "noise in the training examples", samples, wider, training=wrong.noisy),
        Twin("in_the_graph", "noise left in the serving code", samples, model=code),
        Twin("preprocessing", fault, samples, preprocessing=noisy, model=right_code),
    )
    return Example("augmented_audio", data, twins, {"noise": 0.1})


def _by_hand(label: str, spoil: Any) -> Callable[[Built, Path], None]:
    """A served model with its own code around the right model."""
    from examples import serving

    return lambda built, to: serving.ByHand(built.baseline, built.model_file, label, spoil).save(to)


def build(example: Example, folder: Path) -> Built:
    """prepare, train and export, with the commands that a user types.

    Raises SystemExit if a command fails.
    """
    from examples import rows, serving

    baseline = prepare(example, folder, example.data.rows(example.data.read().training))
    model_file = folder / "model" / "model.keras"
    data = example.data
    serving.train(baseline, model_file, data.LABEL, data.CLASSES, **example.training)
    served = folder / "served"
    _must("export", f"--baseline={baseline}", f"--model={model_file}", f"--output={served}")
    version = max(served.iterdir(), key=lambda path: path.name)
    right = rows.without(data.rows(data.read().held_out), data.LABEL)
    serving.log_requests(version, right, folder / "logs")
    return Built(folder, baseline, model_file, version)


def prepare(example: Example, folder: Path, rows: Rows, preprocessing: str = PREPROCESSING) -> Path:
    """Writes training examples and has a baseline made of them."""
    from examples.rows import write_examples

    write_examples(rows, folder / "train")
    _must(
        "prepare",
        f"--examples={folder}/train/*",
        f"--preprocessing={HERE / example.name / preprocessing}",
        f"--label={example.data.LABEL}",
        f"--baseline={folder / 'baseline'}",
    )
    return folder / "baseline"


def run_right(built: Built) -> TwinOutcome:
    """What is said where nothing is wrong."""
    checked = check(built, built.baseline, built.served)
    return TwinOutcome(
        *checked, *validate(built, built.baseline, built.folder / "logs", built.folder / "skew")
    )


def run_wrong(example: Example, built: Built, twin: Twin, right: TwinOutcome) -> TwinOutcome:
    """Does one thing wrong, as the twin says, and asks; `right` is what was said of the right model."""
    folder = built.folder / twin.name
    baseline, model = built.baseline, built.served
    if twin.training is not None or twin.preprocessing != PREPROCESSING:
        rows = (twin.training or example.data.rows)(example.data.read().training)
        baseline = prepare(example, folder, rows, twin.preprocessing)
    if twin.model is not None:
        model = folder / "served" / str(int(built.served.name) + 1)
        model.parent.mkdir(parents=True)
        twin.model(built._replace(baseline=baseline), model)
    same = (baseline, model) == (built.baseline, built.served)
    checked = (right.check, right.checked) if same else check(built, baseline, model)
    if not twin.answers:
        return TwinOutcome(*checked, 0, {"findings": []})
    log(example, twin, model, folder / "logs")
    return TwinOutcome(*checked, *validate(built, baseline, folder / "logs", folder / "skew"))


def log(example: Example, twin: Twin, model: Path, folder: Path) -> None:
    """Has the model answer the twin's client."""
    from examples import rows, serving

    requests = (twin.client or example.data.rows)(example.data.read().held_out)
    serving.log_requests(model, rows.without(requests, example.data.LABEL), folder)


def check(built: Built, baseline: Path, model: Path) -> tuple[int, dict[str, Any]]:
    """`trueserve check`: its exit code and report."""
    reference = [] if model == built.served else [f"--reference={built.served}"]
    output = io.StringIO()
    with contextlib.redirect_stdout(output):
        code = trueserve("check", f"--baseline={baseline}", f"--model={model}", *reference, "--json")
    return code, json.loads(output.getvalue())


def validate(built: Built, baseline: Path, logs: Path, output: Path) -> tuple[int, dict[str, Any]]:
    """`trueserve validate`: its exit code and verdict."""
    flags = (f"--baseline={baseline}", f"--logs={logs}/*", f"--output={output}", f"--replay={built.served}")
    code = trueserve("validate", *flags)
    return code, json.loads((output / "verdict.json").read_text(encoding="utf-8"))


def trueserve(*arguments: str) -> int:
    """The command, in this process, where TensorFlow is loaded already; its exit code."""
    import tensorflow as tf

    from trueserve.pipelines import cli

    tf.random.set_seed(None)  # for those who type it, it is a process that knows nothing of training's seed

    return cli.main(arguments)


def _must(*arguments: str) -> None:
    if code := trueserve(*arguments):
        raise SystemExit(f"trueserve {arguments[0]} ended with exit code {code}")


def run_all(folder: Path) -> Iterator[tuple[Example, Twin, TwinOutcome]]:
    """All examples, each right and then with each of its faults."""
    for example in examples():
        built = build(example, folder / example.name)
        right = run_right(built)
        yield example, RIGHT, right
        for twin in example.twins:
            yield example, twin, run_wrong(example, built, twin, right)


def main(argv: Sequence[str] | None = None) -> int:
    """Shows the table, or writes it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="bring docs/failures.md up to date")
    options = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        made = table(list(run_all(Path(folder))))
    if options.write:
        DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8"), made), encoding="utf-8")
    print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
