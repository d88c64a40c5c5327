"""The command line of declared commands: errors of one line, and help in groups."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Iterable
from typing import Any, NoReturn

from pipelines.flags import beam
from pipelines.flags.command import Command
from pipelines.process.streams import Guarded
from transforms.core.errors import InputError, UsageError

_Formatter = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=28)


class Parser(argparse.ArgumentParser):
    """A parser that raises our errors, and fails where help cannot be written."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def _print_message(self, message: str, file: Any = None) -> None:
        # Argparse drops an error of the stream, and exits with 0.
        stream = Guarded(file)
        stream.write(message)
        if (why := stream.flushed()) is not None:
            raise InputError(f"cannot write the help to standard output: {why}")


def make_parser(commands: Iterable[Command], overview: str, version: str) -> Parser:
    """The parser of `trueserve`. What it parses has the command's name as `command`."""
    parser = Parser(
        prog="trueserve",
        usage="trueserve COMMAND --FLAG=VALUE ...",
        description=overview,
        formatter_class=_Formatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"trueserve {version}")
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", help=argparse.SUPPRESS)
    subparsers.required = True
    for command in commands:
        _add_command(subparsers, command)
    return parser


def _add_command(subparsers: Any, command: Command) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        command.name,
        prog=f"trueserve {command.name}",
        usage=f"trueserve {command.name} --FLAG=VALUE ...",
        description=command.summary,
        epilog=f"{command.examples}\n{command.exit_codes}",
        formatter_class=_Formatter,
        allow_abbrev=False,
        add_help=False,
    )
    for title, flags in command.groups.items():
        group = parser.add_argument_group(title, beam.NOTE if title == beam.TITLE else None)
        for flag in flags:
            group.add_argument(flag.name, **flag.settings)
    parser.add_argument_group("help").add_argument(
        "-h", "--help", action="help", help="show this text and exit"
    )
