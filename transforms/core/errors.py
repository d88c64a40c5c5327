"""The errors that end a command with a documented exit code and one clear line."""

from __future__ import annotations


class TrueserveError(Exception):
    """A failure that a user can act on; its text is the one line shown on stderr."""

    exit_code = 3

    @property
    def lines(self) -> list[str]:
        """What is shown on stderr: one line, except where several errors were sought at once."""
        return [str(self)]


class UsageError(TrueserveError):
    """Wrong usage or configuration, found before any graph is built (exit code 2)."""

    exit_code = 2


class InputError(TrueserveError):
    """The input or the job failed (exit code 3)."""

    exit_code = 3


class NothingExaminedError(TrueserveError):
    """Nothing, or too little, was there to examine (exit code 4)."""

    exit_code = 4
