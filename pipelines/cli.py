"""The `trueserve` command: parsing, help and exit codes. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import contextlib
import difflib
import io
import json
import logging
import os
import sys
import warnings
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NoReturn

from trueserve.pipelines import __version__
from trueserve.pipelines.beam import failures
from trueserve.pipelines.flags.command import JSON, Command, make_parser
from trueserve.pipelines.flags.commands import COMMANDS, OVERVIEW
from trueserve.pipelines.process import streams, supervisor
from trueserve.transforms.core import native_logs
from trueserve.transforms.core.errors import TrueserveError, UsageError
from trueserve.transforms.core.first_import import import_once
from trueserve.transforms.publish import formatting

_MAX_ERROR_LENGTH = 4000
_JOB, _DEFAULT_JOB = "--job", "validate"
_IGNORED_WARNINGS = (FutureWarning, DeprecationWarning)


def entry_point(argv: Sequence[str] | None = None) -> NoReturn:
    """Runs one command and ends the process with its exit code; without `argv` that of the command line."""
    streams.open_missing()
    try:
        argv = sys.argv[1:] if argv is None else argv
        code = supervisor.run(argv, main) if _runs_a_command(argv) else main(argv)
    except SystemExit as stop:  # argparse has shown help, or the version
        code = int(stop.code or 0)
    for stream in (sys.stdout, sys.stderr):
        streams.Guarded(stream).flush()
    # TensorFlow's finalisers fail, at length and without harm, in an interpreter that is shutting down.
    os._exit(code)


def start_if_main(module: str, command: str) -> None:
    """For the top of a job's module, before its imports: `python -m` runs the command of that name.

    So help answers at once, and nothing of the job belongs to `__main__`, which a worker does not have.
    """
    if module == "__main__":
        entry_point([command, *sys.argv[1:]])


def flags_only(argv: Sequence[str]) -> list[str]:
    """A command line for `entry_point`, of flags alone: `--job` names the command, without it `validate`.

    For what starts a program with flags and nothing else, such as a Flex Template of Dataflow. That gives a
    flag without a value one, too: `--flag=true` is the flag, and `--flag=false` is none.

    Raises:
      UsageError: `--job` has no value, or comes twice.
    """
    job, others = None, list[str]()
    remaining = iter(argv)
    for word in remaining:
        name, equals, value = word.partition("=")
        if name != _JOB:
            others.append(word)
            continue
        value = value if equals else next(remaining, "")
        if job is not None or not value or value.startswith("-"):
            raise UsageError(f"{_JOB}: expected one command: {_command_names()}")
        job = value
    job = job or _DEFAULT_JOB
    return [job, *_switched(job, others)]


def _switched(job: str, argv: Iterable[str]) -> Iterator[str]:
    """The flags, of which those that take no value have none."""
    flags = COMMANDS[job].flags if job in COMMANDS else []
    switches = {flag.name for flag in flags if flag.settings.get("action") == "store_true"}
    for word in argv:
        name, _, value = word.partition("=")
        if name not in switches or value.lower() not in ("true", "false"):
            yield word
        elif value.lower() == "true":
            yield name


def _runs_a_command(argv: Sequence[str]) -> bool:
    """Help and what is no command need no child process."""
    return bool(argv) and argv[0] in COMMANDS and not {"-h", "--help"} & {*argv}


def main(argv: Sequence[str]) -> int:
    """Runs one command and returns its exit code; every expected failure is one line on stderr.

    With `--json` the last line of standard output is an object: the command, its exit code, the errors, and
    what the command says of its result.
    """
    facts, errors = dict[str, Any](), list[str]()
    code = _guarded(list(argv), facts, errors)
    if _gives_facts(argv):
        out = streams.Guarded(sys.stdout)
        out.write(json.dumps({"command": argv[0], "exit_code": code, "errors": errors, **facts}) + "\n")
        out.flush()
    return code


def _guarded(argv: list[str], facts: dict[str, Any], errors: list[str]) -> int:
    """The exit code of a command; what it says of its result, and its errors, are added."""
    try:
        return _run(argv, facts)
    except TrueserveError as error:
        errors += error.lines
        code = error.exit_code
    except KeyboardInterrupt:
        streams.say("interrupted; a job that was submitted may still publish")
        return 130
    except Exception as error:  # noqa: BLE001 - exit code 1 would say "skew"
        errors.append(failures.unexpected(error))
        code = TrueserveError.exit_code
    for line in errors:
        # File names are strangers' too: none may steer the terminal.
        streams.say(f"error: {formatting.visible(line, _MAX_ERROR_LENGTH)}")
    return code


def _gives_facts(argv: Sequence[str]) -> bool:
    """Whether standard output gets one JSON object, and no other line."""
    command = COMMANDS.get(argv[0]) if argv else None
    return JSON in argv and not (command is not None and command.has_own_json)


def _run(argv: list[str], facts: dict[str, Any]) -> int:
    if not argv:
        raise UsageError(f"expected a command: {_command_names()} (see `trueserve --help`)")
    command, options = parse(argv)
    module = _import_command(command)
    from trueserve.pipelines.display.console import Console

    console = Console(sys.stderr if _gives_facts(argv) else None)
    console.facts = facts
    code: int = module.run(options, console)
    if console.unwritable is not None:
        console.warning(
            f"cannot write to standard output: {console.unwritable}; exit code {code} is that of the result"
        )
    return code


def parse(argv: Sequence[str]) -> tuple[Command, Any]:
    """The command and its frozen options. Raises UsageError; exits where help or the version is shown."""
    _refuse_typos(argv)
    parsed, rest = make_parser(COMMANDS.values(), OVERVIEW, __version__).parse_known_args(argv)
    command = COMMANDS[parsed.command]
    if rest and not command.takes_beam_flags:
        raise UsageError(f"unknown argument {rest[0]!r} (see `trueserve {command.name} --help`)")
    return command, command.options(parsed, rest)


def _command_names() -> str:
    *names, last = COMMANDS
    return f"{', '.join(names)} or {last}"


def _import_command(command: Command) -> Any:
    _silence_libraries()
    # TFDV writes to stderr that it lacks IPython, which we do not need.
    with contextlib.redirect_stderr(io.StringIO()):
        return import_once(command.module)


def _silence_libraries() -> None:
    """Keeps what libraries say while they are imported, of themselves and their plans, off the screen."""
    os.environ.setdefault(native_logs.LEVEL, "3")
    for category in _IGNORED_WARNINGS:
        warnings.filterwarnings("ignore", category=category)
    # For processes that are started from here, as workers of Beam's are; the last one that fits wins.
    our_filters = [f"ignore::{category.__name__}" for category in _IGNORED_WARNINGS]
    user_filters = os.environ.get("PYTHONWARNINGS")
    if user_filters is None or not user_filters.startswith(our_filters[0]):
        os.environ["PYTHONWARNINGS"] = ",".join([*our_filters, *filter(None, [user_filters])])
    logging.getLogger().setLevel(logging.ERROR)


def _refuse_typos(argv: Sequence[str]) -> None:
    """Refuses a flag that is nearly one of ours before argparse complains of the one that is missing."""
    if argv[0] not in COMMANDS:
        return
    command = COMMANDS[argv[0]]
    known = ["--help", JSON, *(flag.name for flag in (*command.flags, *command.overrides))]
    for name in (word.split("=", 1)[0] for word in argv if word.startswith("--")):
        similar = [] if name in known else difflib.get_close_matches(name, known, n=1, cutoff=0.8)
        if similar and not _is_beam_flag(name, argv):
            raise UsageError(f"unknown flag {name}: did you mean {similar[0]}?")


def _is_beam_flag(flag: str, argv: Sequence[str]) -> bool:
    _silence_libraries()
    from trueserve.pipelines.beam.options import is_beam_flag

    return is_beam_flag(flag, argv)
