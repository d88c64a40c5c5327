"""What a command leaves that was ended from outside: what is removed, and what can be said of its result."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path

from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.publish import formatting

#: In a run's temporary folder: the folders on object stores in which it is at work, each with what it is for.
REMOTE = "remote.json"

#: By command the flag that names its result, and the files that are written last: then it is published.
_RESULTS = {
    "prepare": ("--baseline", ("contract.json",)),
    "adopt": ("--baseline", ("contract.json",)),
    "export": ("--output", ("[0-9]*/saved_model.pb",)),
    "validate": ("--output", ("verdict.json", "failed/verdict.json")),
    "backtest": ("--output", ("backtest.json",)),
    "join": ("--output", ("join.json",)),
    "run": ("--output", ("windows/*/verdict.json", "windows/*/failed/verdict.json")),
    "backfill": ("--output", ("windows/*/verdict.json", "windows/*/failed/verdict.json")),
}
#: Commands whose file names the output, where no flag does.
_OF_SERIES = ("run", "backfill")
_PENDING = "backtest.pending.json"

_State = frozenset[tuple[str, int, int]]


@dataclasses.dataclass(frozen=True)
class Result:
    """Where a command puts its result; `folder` is None for one that has none."""

    command: str
    folder: str | None

    def published(self) -> _State | None:
        """What stands there, to be compared; None where looking takes long, as on an object store."""
        if self.folder is None:
            return frozenset()
        if "://" in self.folder:
            return None
        files = [path for name in _RESULTS[self.command][1] for path in Path(self.folder).glob(name)]
        return frozenset(_identity(file) for file in files if file.exists())

    def outcome(self, earlier_state: _State | None) -> str:
        """What the run did to the result, as the end of a sentence."""
        if self.folder is None:
            return "nothing was published"
        folder = formatting.visible(self.folder, 1000)
        if (state := self.published()) is None:
            return f"{folder} shows whether it was published"
        if state != earlier_state:
            return f"the result was published before that, and stays in {folder}"
        if self.command == "backtest" and Path(self.folder, _PENDING).exists():
            return f"{folder} holds files of two runs until backtest is run again"
        return "nothing was published"

    def clean(self, remote: Mapping[str, str]) -> None:
        """Removes what dead runs left there, as the next run would, and folders of this run on stores."""
        with contextlib.suppress(TrueserveError, OSError):
            if self.folder is not None and "://" not in self.folder:
                _sweep(self.command, self.folder)
        for staged, target in remote.items():
            _discard(target, staged)


def of_command(argv: Sequence[str]) -> Result:
    """The result of a command, by its flags alone: whoever mistyped them has none."""
    command = argv[0] if argv else ""
    if command not in _RESULTS:
        return Result(command, None)
    folder = _value_of(_RESULTS[command][0], argv)
    if folder is None and command in _OF_SERIES:
        folder = _output_of(_value_of("--config", argv))
    return Result(command, folder)


def _value_of(flag: str, argv: Sequence[str]) -> str | None:
    joined_values = [word.removeprefix(f"{flag}=") for word in argv if word.startswith(f"{flag}=")]
    separate_values = [value for word, value in itertools.pairwise(argv) if word == flag]
    return next(iter([*joined_values[-1:], *separate_values[-1:]]), None) or None


def _output_of(config: str | None) -> str | None:
    """The output that the file of a model names; None where it names none, or cannot be read."""
    if config is None or "://" in config:
        return None
    try:
        output = tomllib.loads(Path(config).read_text(encoding="utf-8")).get("output")
    except (OSError, ValueError):
        return None
    if not isinstance(output, str):
        return None
    return output if "://" in output else str(Path(config).parent / output)


def _sweep(command: str, folder: str) -> None:
    # Each loads little; what is not needed is not loaded.
    if command in ("prepare", "adopt"):
        from trueserve.transforms.baseline import atomic_replace

        atomic_replace.finish(folder)
    elif command == "export":
        from trueserve.transforms.serving import version_folder

        version_folder.sweep(folder)
    elif command == "validate":
        from trueserve.transforms.runs import dead_runs

        dead_runs.sweep(folder)
    elif command in _OF_SERIES:
        from trueserve.transforms.runs import dead_runs, series

        for name in series.window_names(folder):
            dead_runs.sweep(str(Path(folder, series.WINDOWS, name)))
    else:
        from trueserve.transforms.files import temporary_files

        temporary_files.sweep(folder)


def _discard(target: str, staged: str) -> None:
    from trueserve.transforms.baseline import atomic_replace

    with contextlib.suppress(TrueserveError):
        atomic_replace.discard(target, staged)


def _identity(file: Path) -> tuple[str, int, int]:
    """Changes whenever the file is replaced, as all of these are."""
    status = file.stat()
    return str(file), status.st_ino, status.st_mtime_ns
