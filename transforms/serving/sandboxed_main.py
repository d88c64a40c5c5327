"""The main program of a fresh process: it gives up its rights, then loads a module that answers one line.

Run as `python -m trueserve.transforms.serving.sandboxed_main MODULE PARENT FOLDER`. The module has
`prepare()`, which loads what takes long while whoever started this does other work, and `answer(line)`, which
gives JSON's values. The last line of stdout is {"answer"} or {"error"}, with {"sandbox"} beside: what is
enforced.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any, TextIO

from trueserve.transforms.core import child_processes
from trueserve.transforms.core.first_import import import_once
from trueserve.transforms.serving import sandbox

_LONGEST = 300
_TELL_NOTHING = ("Graph execution error", "Detected at node", "File ", "<")


def main(module: str, parent: str, folder: str) -> int:
    """Everything heavy comes after the rights are gone: threads that run by then would keep theirs."""
    sandbox.end_with_parent(int(parent))
    enforced = sandbox.enter(folder)
    child_processes.watch_lifeline()
    # From here on whatever prints to stdout, native code included, prints to stderr.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as stream:
        os.dup2(2, 1)
        return _answer(stream, module, enforced)


def _answer(stream: TextIO, name: str, enforced: dict[str, str]) -> int:
    module = import_once(name)
    module.prepare()
    line = sys.stdin.readline().rstrip("\n")
    if not line:
        return 0
    reply: dict[str, Any] = {"sandbox": enforced}
    try:
        reply["answer"] = module.answer(line)
    except Exception as error:  # noqa: BLE001 - whatever a stranger's model does, one line says it
        reply["error"] = f"{type(error).__name__}: {first_line(error)}"
    # On a line of its own, whatever was printed before this began.
    stream.write("\n" + json.dumps(reply) + "\n")
    stream.flush()
    return 0


def first_line(error: Exception) -> str:
    """The first line of what an error says that tells something."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    # TensorFlow first says that there is an error, and where; then what.
    telling = [line for line in lines if not line.startswith(_TELL_NOTHING)] or lines
    return telling[0][:_LONGEST] if telling else type(error).__name__


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
