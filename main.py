"""A job, started by flags alone: `python main.py --job=validate --baseline=... --logs=... --output=...`.

For what runs `python FILE --flags`, as Flex Templates of Dataflow do. `trueserve validate` does the same.
"""

from __future__ import annotations

import sys

from trueserve.pipelines import cli
from trueserve.pipelines.process import streams
from trueserve.transforms.core.errors import UsageError


def main() -> None:
    try:
        argv = cli.flags_only(sys.argv[1:])
    except UsageError as error:
        streams.say(f"error: {error}")
        sys.exit(error.exit_code)
    cli.entry_point(argv)


if __name__ == "__main__":
    main()
