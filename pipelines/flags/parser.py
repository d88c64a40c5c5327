"""Argparse, with errors of one line, and help that is shown or said not to be."""

from __future__ import annotations

import argparse
from typing import Any, NoReturn

from pipelines.process.streams import Guarded
from transforms.core.errors import InputError, UsageError


class Parser(argparse.ArgumentParser):
    """A parser that raises our errors."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"{message} (see `{self.prog} --help`)")

    def _print_message(self, message: str, file: Any = None) -> None:
        # Argparse drops an error of the stream, and exits with 0.
        stream = Guarded(file)
        stream.write(message)
        if (why := stream.flushed()) is not None:
            raise InputError(f"cannot write the help to standard output: {why}")
