"""`trueserve warm_up`, as an image runs it while it is built."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

_COMMAND = "from trueserve.pipelines.cli import entry_point; entry_point()"


def _warm_up(*flags: str) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-W", "ignore", "-c", _COMMAND, "warm_up", *flags]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120)


def test_all_is_found_the_second_time() -> None:
    first, second = _warm_up(), _warm_up("--check")
    assert (first.returncode, second.returncode) == (0, 0), first.stderr + second.stderr
    match = re.match(r"machine code: 0 functions compiled, (\d+) loaded, ", second.stdout)
    assert match
    assert int(match[1]) > 30
    folders = re.findall(r"^kept in (.+)$", second.stdout, re.MULTILINE)
    assert any(list(Path(folder).glob("*.nbi")) for folder in folders)
