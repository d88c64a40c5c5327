"""The `trueserve` command: parsing, help and exit codes. Imports nothing heavy: help answers at once."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import io
import logging
import os
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pipelines import __version__
from pipelines.beam import failures
from pipelines.flags import backtest as backtest_flags
from pipelines.flags import check as check_flags
from pipelines.flags import help_texts as texts
from pipelines.flags import join as join_flags
from pipelines.flags import options as opts
from pipelines.flags import places
from pipelines.flags import reading as reading_flags
from pipelines.flags import replay as replay_flags
from pipelines.flags.parser import Parser
from pipelines.process import streams, supervisor
from transforms.core.errors import TrueserveError, UsageError
from transforms.publish import formatting

T = TypeVar("T")

_LONGEST_ERROR = 4000
_QUIET = (FutureWarning, DeprecationWarning)
_WITHOUT_BEAM = ("export", "check")


def entry_point() -> None:
    streams.open_missing()
    try:
        code = supervisor.run(sys.argv[1:], main)
    except SystemExit as stop:  # argparse has shown help, or the version
        code = int(stop.code or 0)
    for stream in (sys.stdout, sys.stderr):
        streams.Guarded(stream).flush()
    # TensorFlow's finalisers fail, at length and without harm, in an interpreter that is shutting down.
    os._exit(code)


def main(argv: Sequence[str]) -> int:
    """Runs one command and returns its exit code; every expected failure is one line on stderr."""
    try:
        return _run(list(argv))
    except TrueserveError as error:
        # File names are strangers' too: none may steer the terminal.
        streams.say(f"error: {formatting.visible(str(error), _LONGEST_ERROR)}")
        return error.exit_code
    except KeyboardInterrupt:
        streams.say("interrupted; a job that was submitted may still publish")
        return 130
    except Exception as error:  # noqa: BLE001 - exit code 1 would say "skew"
        streams.say(f"error: {formatting.visible(failures.unexpected(error), _LONGEST_ERROR)}")
        return TrueserveError.exit_code


def _run(argv: list[str]) -> int:
    if not argv:
        raise UsageError(
            "expected a command: prepare, export, check, validate, backtest or join (see `trueserve --help`)"
        )
    parser = _parser()
    _refuse_typos(parser, argv)
    parsed, rest = parser.parse_known_args(argv)
    if rest and parsed.command in _WITHOUT_BEAM:
        raise UsageError(f"unknown argument {rest[0]!r} (see `trueserve {parsed.command} --help`)")
    places.check_not_empty(_parser_of(parser, parsed.command), parsed)
    options = parsed.build(parsed, tuple(rest))
    command = _import_command(parsed.command)
    from pipelines.display.console import Console

    console = Console()
    code: int = command.run(options, console)
    if console.unwritable is not None:
        console.warning(
            f"cannot write to standard output: {console.unwritable}; exit code {code} is that of the result"
        )
    return code


def _parser_of(parser: Any, command: str) -> argparse.ArgumentParser:
    found: argparse.ArgumentParser = parser._subparsers._group_actions[0].choices[command]
    return found


def _import_command(name: str) -> Any:
    _quieten()
    # TFDV writes to stderr that it lacks IPython, and TensorFlow that it lacks CUDA; we need neither.
    with contextlib.redirect_stderr(io.StringIO()), _without_native_stderr():
        return importlib.import_module(f"pipelines.{name}")


@contextlib.contextmanager
def _without_native_stderr() -> Iterator[None]:
    """TensorFlow's native code writes to file descriptor 2 itself until its logging is set up."""
    saved = os.dup(2)
    try:
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(saved, 2)
        os.close(saved)


def _quieten() -> None:
    """Keeps what libraries say while they are imported, of themselves and their plans, off the screen."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for category in _QUIET:
        warnings.filterwarnings("ignore", category=category)
    # For processes that are started from here, as workers of Beam's are; the last one that fits wins.
    quiet, users = [f"ignore::{category.__name__}" for category in _QUIET], os.environ.get("PYTHONWARNINGS")
    if users is None or not users.startswith(quiet[0]):
        os.environ["PYTHONWARNINGS"] = ",".join([*quiet, *filter(None, [users])])
    logging.getLogger().setLevel(logging.ERROR)


def _refuse_typos(parser: Any, argv: list[str]) -> None:
    """Refuses a flag that is nearly one of ours before argparse complains of the one that is missing."""
    commands = parser._subparsers._group_actions[0].choices
    if argv[0] not in commands:
        return
    ours = list(commands[argv[0]]._option_string_actions)
    for flag in (word.split("=", 1)[0] for word in argv if word.startswith("--")):
        close = [] if flag in ours else difflib.get_close_matches(flag, ours, n=1, cutoff=0.8)
        if close and not _known_to_beam(flag):
            raise UsageError(f"unknown flag {flag}: did you mean {close[0]}?")


def _known_to_beam(flag: str) -> bool:
    _quieten()
    from pipelines.beam.options import is_beam_flag

    return is_beam_flag(flag)


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        prog="trueserve",
        usage="trueserve COMMAND --FLAG=VALUE ...",
        description=texts.OVERVIEW,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"trueserve {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS)
    commands.required = True
    _add_prepare(_command(commands, "prepare", "Training examples to baseline.", texts.PREPARE))
    _add_export(_command(commands, "export", "Baseline and Keras model to a served model.", texts.EXPORT))
    _add_validate(
        _command(commands, "validate", "Logged requests to a verdict.", texts.VALIDATE + texts.VALIDATE_MORE)
    )
    described = "SavedModel against the baseline's probes, contract and lint."
    check = _command(commands, "check", described, check_flags.EXAMPLE, check_flags.EXIT_CODES)
    check_flags.add_flags(check)
    described = "Past windows to limits that keep to a budget of false alarms."
    backtest = _command(commands, "backtest", described, backtest_flags.EXAMPLE, backtest_flags.EXIT_CODES)
    backtest_flags.add_flags(backtest)
    described = "Examples and requests with the same key, compared."
    join = _command(commands, "join", described, join_flags.EXAMPLE, join_flags.EXIT_CODES)
    join_flags.add_flags(join)
    return parser


def _command(
    commands: Any, name: str, description: str, example: str, codes: str = texts.EXIT_CODES
) -> argparse.ArgumentParser:
    note = "" if name in _WITHOUT_BEAM else texts.BEAM_NOTE
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        prog=f"trueserve {name}",
        usage=f"trueserve {name} --FLAG=VALUE ...",
        description=description,
        epilog=f"{example}\n{note}{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    return parser


def _add_prepare(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--examples",
        required=True,
        metavar="GLOB",
        help="TFRecords of tf.Example, CSV with a header, Parquet",
    )
    add(
        "--preprocessing", required=True, metavar="FILE[:FUNCTION]", help="default function: preprocessing_fn"
    )
    add(
        "--augment",
        metavar="FILE[:FUNCTION]",
        help="changes transformed examples in training alone; default function: augment_fn",
    )
    add("--baseline", required=True, metavar="DIR", help="the folder to write")
    add("--label", metavar="NAME", help="the feature that serving does not have")
    add("--schema", metavar="FILE", help="a TFDV schema (text); inferred from the examples without it")
    add(
        "--time_feature",
        metavar="NAME",
        help="feature that holds a row's time: how training's days and hours differ is no alarm then",
    )
    _add_thresholds(parser)
    parser.set_defaults(build=_prepare_options)


def _add_export(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--baseline", required=True, metavar="DIR", help="what `prepare` wrote")
    add("--model", required=True, metavar="FILE.keras", help="takes the transformed features by name")
    add(
        "--output",
        required=True,
        metavar="DIR",
        help="gets a numbered version folder, as TF Serving loads it",
    )
    add("--custom_objects", metavar="FILE", help="Python file that defines the model's own layers")
    add(
        "--evaluation",
        metavar="GLOB",
        help="raw examples to record predictions on, in place of the training data; as `prepare` reads them",
    )
    add(
        "--prediction_rows",
        type=int,
        default=opts.DEFAULT_PREDICTION_ROWS,
        metavar="N",
        help="rows of it at most, chosen by a hash; 0 records nothing; default %(default)s",
    )
    parser.set_defaults(build=_export_options)


def _add_validate(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--logs", required=True, metavar="GLOB", help="logged requests; fields such as %%Y/%%m/%%d, see below"
    )
    add("--output", required=True, metavar="DIR", help="gets verdict.json, report.html and one folder a run")
    add("--baseline", metavar="DIR", help="what `prepare` wrote")
    add("--label", metavar="NAME", help="with --schema: the feature that requests do not have")
    add("--schema", metavar="FILE", help="with --statistics, in place of --baseline: TFDV schema")
    add("--statistics", metavar="FILE", help="with --schema: TFDV statistics of the training data")
    reading_flags.add_to(parser)
    _add_grouping(parser)
    add("--spaces", type=opts.parse_spaces, default=opts.SPACES, help="default: raw,transformed")
    add("--fail_on", choices=opts.FAIL_ON, default="error", help="least severity that makes `skew`")
    add(
        "--ignore",
        type=opts.parse_names,
        default=(),
        metavar="FEATURE,...",
        help="findings never fail the run",
    )
    add(
        "--only",
        type=opts.parse_some,
        default=(),
        metavar="FEATURE,...",
        help="look at these features alone, and at what is computed from them",
    )
    add(
        "--thresholds",
        metavar="FILE",
        help="limits and severities by feature; default: the baseline's thresholds.toml, if there",
    )
    add("--previous", metavar="RUN|auto", help="also: what moved since that run; auto: the last window's")
    add("--max_rejects", type=float, default=0.0, metavar="FRACTION", help="of records read; default 0")
    add(
        "--sample",
        type=float,
        default=1.0,
        metavar="FRACTION",
        help="of records, by a hash of their id or bytes",
    )
    add("--keep_payloads", action="store_true", help="keep rejected records (may hold personal data)")
    _add_thresholds(parser)
    replay_flags.add_to(parser)
    parser.set_defaults(build=_validate_options)


def _add_grouping(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("--version_feature", metavar="NAME", help="feature that holds the version of the model that answered")
    add(
        "--slice_by",
        type=opts.parse_slice,
        action="append",
        default=[],
        metavar="NAME,...",
        help="compare each version, hour or value of a feature by itself; may stand several times",
    )
    add(
        "--ignore_sampling_rate", action="store_true", help="do not weigh requests by the log's sampling rate"
    )


def _add_thresholds(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add(
        "--jsd",
        type=float,
        default=opts.DEFAULT_JSD,
        metavar="D",
        help="threshold of the Jensen-Shannon divergence, where the schema has none; default %(default)s",
    )
    add(
        "--linf",
        type=float,
        default=opts.DEFAULT_LINF,
        metavar="D",
        help="threshold of the L-infinity norm, where the schema has none; default %(default)s",
    )


def _prepare_options(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> opts.PrepareOptions:
    return _fill(opts.PrepareOptions, parsed, beam_args=beam_args)


def _export_options(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> opts.ExportOptions:
    assert not beam_args
    return _fill(opts.ExportOptions, parsed)


def _validate_options(parsed: argparse.Namespace, beam_args: tuple[str, ...]) -> opts.ValidateOptions:
    reading_flags.take_window(parsed)
    return _fill(opts.ValidateOptions, parsed, beam_args=beam_args)


def _fill(kind: Callable[..., T], parsed: argparse.Namespace, **more: Any) -> T:
    values = {name: value for name, value in vars(parsed).items() if name not in {"command", "build"}}
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return kind(**values, **more)
