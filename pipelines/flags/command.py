"""A command, declared as a value: its flags, its options and its help; and the command line of several."""

from __future__ import annotations

import argparse
import dataclasses
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from trueserve.pipelines.flags import beam, path_checks, reading
from trueserve.pipelines.flags.flag import Flag
from trueserve.pipelines.process.streams import Guarded
from trueserve.transforms.core.errors import InputError, UsageError

#: Every command has it.
JSON = "--json"
_Formatter = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=28)


@dataclasses.dataclass(frozen=True)
class Command:
    """One command of `trueserve`.

    Attributes:
      summary: what it does, in a few words.
      options_class: frozen; has a value for each flag. Raises UsageError for values that do not fit.
      groups: the flags by the title of the group that `--help` shows them in.
      examples: and what else a reader of `--help` needs.
      exit_codes: those of this command, and what each means for it.
      folder: of `pipelines`, where its module is.
      overrides: flags of another command that it takes among those of Beam.
    """

    name: str
    summary: str
    options_class: type[Any]
    groups: Mapping[str, Sequence[Flag]]
    examples: str
    exit_codes: str
    folder: str = ""
    overrides: Sequence[Flag] = ()

    @property
    def module(self) -> str:
        """Where its `run` is."""
        return ".".join(filter(None, ("trueserve.pipelines", self.folder, self.name)))

    @property
    def takes_beam_flags(self) -> bool:
        """Whether it runs a Beam job, to which go the flags that are not ours."""
        return beam.TITLE in self.groups

    @property
    def has_own_json(self) -> bool:
        """Whether `--json` is a flag of its own, which gives another object."""
        return any(flag.name == JSON for flag in self.flags)

    @property
    def flags(self) -> list[Flag]:
        """All flags, in the order of `--help`."""
        return [flag for flags in self.groups.values() for flag in flags]

    def options(self, parsed: argparse.Namespace, beam_args: Sequence[str]) -> Any:
        """The frozen options of a parsed command line; `beam_args` are the arguments that are not ours.

        Raises:
          UsageError: a value is empty, or values do not fit together.
        """
        path_checks.check_not_empty(self.flags, parsed)
        values = {flag.attribute: getattr(parsed, flag.attribute) for flag in self.flags}
        values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
        reading.resolve_window(values)
        if self.takes_beam_flags:
            values["beam_args"] = tuple(beam_args)
        return self.options_class(**values)


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


def _operands(command: Command) -> list[str]:
    """The names of values that stand without a flag."""
    return [flag.name for flag in command.flags if not flag.name.startswith("-")]


def _add_command(subparsers: Any, command: Command) -> None:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        command.name,
        prog=f"trueserve {command.name}",
        usage=" ".join(("trueserve", command.name, *_operands(command), "--FLAG=VALUE ...")),
        description=command.summary,
        epilog=f"{command.examples}\n{command.exit_codes}",
        formatter_class=_Formatter,
        allow_abbrev=False,
        add_help=False,
    )
    for title, flags in command.groups.items():
        group = parser.add_argument_group(title, beam.NOTE if title == beam.TITLE else None)
        for flag in flags:
            name = flag.name if flag.name.startswith("-") else flag.attribute
            group.add_argument(name, **flag.settings)
    of_help = parser.add_argument_group("help")
    if not command.has_own_json:
        about = "print one JSON object at the end; all other lines go to stderr"
        of_help.add_argument(JSON, action="store_true", help=about)
    of_help.add_argument("-h", "--help", action="help", help="show this text and exit")
