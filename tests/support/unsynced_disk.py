"""Nothing waits until a disk has what tests write: it need not outlive the machine.

In processes that run tests. That a disk may fail then is tested by what takes the place of `os.fsync` there
(test_paths.py, `failing_disk`). Processes that tests start and kill do wait.
"""

from __future__ import annotations

import os
from typing import Any


def use() -> None:
    """From now on in this process."""
    os.fsync = _checked


def _checked(fd: Any) -> None:
    """Fails as `os.fsync` does where there is no such open file."""
    os.fstat(fd if isinstance(fd, int) else fd.fileno())
