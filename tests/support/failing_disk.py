"""A disk whose n-th write fails: what `transforms.files.local_writes` asks of it, within one folder."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

KINDS = ("open", "half", "replace", "folder", "unlink")


class FailingDisk:
    """Fails the call number `at` (from 0) of a kind below `root`; if `lasting`, all that follow, too.

    open: no file can be made. half: half is written, then the disk is full. replace: the file cannot take
    its name. folder: all is written, and then the folder cannot be synced. unlink: no file can be deleted.
    """

    def __init__(
        self, patch: pytest.MonkeyPatch, root: Path, kind: str, at: int, lasting: bool = False
    ) -> None:
        self._root, self._kind, self._at, self._lasting = str(root), kind, at, lasting
        self._half: set[int] = set()
        self.calls = 0
        patch.setattr(Path, "open", self._opening(Path.open))
        patch.setattr(os, "fsync", self._syncing(os.fsync))
        patch.setattr(os, "replace", self._failing_replace(os.replace))
        patch.setattr(os, "open", self._opening_folder(os.open))
        patch.setattr(Path, "unlink", self._unlinking(Path.unlink))

    @property
    def was_reached(self) -> bool:
        return self.calls > self._at

    def _is_due(self, kind: str, path: object) -> bool:
        if kind != self._kind or not str(path).startswith(self._root):
            return False
        self.calls += 1
        return self.calls - 1 == self._at or (self._lasting and self.calls > self._at)

    def _opening(self, real: Any) -> Any:
        def opened(path: Path, mode: str = "r", *more: Any, **named: Any) -> Any:
            if mode == "xb" and self._is_due("open", path):
                raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
            stream = real(path, mode, *more, **named)
            if mode == "xb" and self._is_due("half", path):
                self._half.add(stream.fileno())
            return stream

        return opened

    def _syncing(self, real: Any) -> Any:
        def sync(descriptor: int) -> None:
            if descriptor in self._half:
                self._half.discard(descriptor)
                os.ftruncate(descriptor, os.fstat(descriptor).st_size // 2)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            real(descriptor)

        return sync

    def _failing_replace(self, real: Any) -> Any:
        def replace(source: Any, target: Any, **named: Any) -> None:
            if self._is_due("replace", target):
                raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(target))
            real(source, target, **named)

        return replace

    def _opening_folder(self, real: Any) -> Any:
        def opened(path: Any, flags: int, *more: Any, **named: Any) -> int:
            if flags == os.O_RDONLY and self._is_due("folder", path):
                raise OSError(errno.EMFILE, os.strerror(errno.EMFILE), str(path))
            return int(real(path, flags, *more, **named))

        return opened

    def _unlinking(self, real: Any) -> Any:
        def unlink(path: Path, *more: Any, **named: Any) -> None:
            if path.exists() and self._is_due("unlink", path):
                raise OSError(errno.EPERM, os.strerror(errno.EPERM), str(path))
            real(path, *more, **named)

        return unlink
