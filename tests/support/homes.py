"""What the end-to-end tests share: a baseline by the real command, a model on it, and logs of requests."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from trueserve.pipelines import cli

from . import backtest, e2e

# The first file holds more rows than a batch takes.
NUM_TRAINING, TRAINING_CUTS = 10_000, (8_700, 9_400)
NUM_SERVING, SERVING_CUTS = 10_000, (8_701, 9_401)


class Home(NamedTuple):
    """Where the shared files lie, and the rows that are in them.

    Attributes:
      examples: glob of the training examples.
      clean, skewed: globs of PredictionLogs of the same distribution, and of one with two planted faults.
    """

    folder: Path
    preprocessing: str
    examples: str
    baseline: str
    training: list[e2e.Row]
    serving: list[e2e.Row]
    clean: str
    skewed: str


def home_in(folder: Path) -> Home:
    """What lies in a folder that `make_home` has filled."""
    training, serving = _rows()
    return Home(
        folder=folder,
        preprocessing=str(folder / "features.py"),
        examples=str(folder / "training" / "part-*"),
        baseline=str(folder / "baseline"),
        training=training,
        serving=serving,
        clean=str(folder / "clean" / "log-*"),
        skewed=str(folder / "skewed" / "log-*"),
    )


def _rows() -> tuple[list[e2e.Row], list[e2e.Row]]:
    return e2e.rides(NUM_TRAINING, 1), e2e.requests(e2e.rides(NUM_SERVING, 2))


def make_home(folder: Path) -> None:
    """Writes all of it into this folder."""
    (folder / "features.py").write_text(e2e.PREPROCESSING)
    home = home_in(folder)
    faulty = e2e.in_lower_case(e2e.in_kilometres(home.serving))
    assert e2e.write_examples(folder / "training", home.training, TRAINING_CUTS) == home.examples
    assert e2e.write_logs(folder / "clean", home.serving, SERVING_CUTS) == home.clean
    assert e2e.write_logs(folder / "skewed", faulty, SERVING_CUTS) == home.skewed
    code = cli.main(
        [
            "prepare",
            f"--examples={home.examples}",
            f"--preprocessing={home.preprocessing}",
            f"--label={e2e.LABEL}",
            f"--baseline={home.baseline}",
        ]
    )
    assert code == 0


def validate_skewed(home: Home, folder: Path) -> None:
    """Publishes the verdict on the skewed log in this folder."""
    flags = [f"--baseline={home.baseline}", f"--logs={home.skewed}", f"--output={folder}"]
    assert cli.main(["validate", *flags]) == 1


def backtest_past(home: Home, folder: Path) -> None:
    """Writes the requests of several days to `logs`, and what `backtest` makes of them to `output`."""
    log = backtest.written(home.serving, folder / "logs")
    flags = [f"--baseline={home.baseline}", f"--logs={log}", f"--output={folder / 'output'}"]
    assert cli.main(["backtest", *flags, *backtest.SPAN]) == 0


class Served(NamedTuple):
    """An exported model, and what it and another one answer to the rides' requests.

    Attributes:
      folder: has the version 1.
      right, wrong: the answers, by Keras alone.
    """

    folder: Path
    model: Any
    right: dict[str, Any]
    wrong: dict[str, Any]

    @property
    def version(self) -> str:
        return str(self.folder / "1")


def export_served(home: Home, folder: Path) -> None:
    """Makes the model, exports it with the installed command, which is quiet, and has it answer."""
    from . import replay as support  # loads Keras, which few tests need

    support.model(1).save(folder / "model.keras")
    argv = [
        f"--baseline={home.baseline}",
        f"--model={folder / 'model.keras'}",
        f"--output={folder / 'served'}",
    ]
    done = e2e.installed(["export", *argv], folder)
    assert (done.returncode, done.stderr) == (0, "")
    for seed, name in ((1, "right"), (2, "wrong")):
        # numpy 2's types take any keyword of arrays for allow_pickle.
        answers: dict[str, Any] = support.answers(support.model(seed), home.baseline, home.serving)
        np.savez(folder / f"{name}.npz", **answers)


def served_in(home: Home, folder: Path) -> Served:
    """What lies in a folder that `export_served` has filled, and the answers."""
    from . import replay as support

    right, wrong = (_loaded(folder / f"{name}.npz") for name in ("right", "wrong"))
    # The same seed: the same weights as in the file.
    return Served(folder / "served", support.model(1), right, wrong)


def _loaded(file: Path) -> dict[str, Any]:
    with np.load(file) as arrays:
        return dict(arrays)
