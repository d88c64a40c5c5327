"""Pieces on disk until their partition's turn comes, so that memory holds one partition and not all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from trueserve.transforms.core.arrow import open_stream, pa
from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files.file_systems import explained, reason
from trueserve.transforms.joining.piece import Piece, Side


@dataclasses.dataclass(frozen=True)
class PieceFile:
    """A file on a local or shared file system, for pieces of one partition and side that one writer has.

    Each piece is two Arrow streams, of its keys and its features, which end where the next one begins.
    """

    side: Side
    path: str

    def append(self, piece: Piece) -> None:
        """Adds a piece; the folder must be there. Raises InputError, as where the disk is full."""
        sink = pa.BufferOutputStream()
        for batch in (piece.keys, piece.features):
            with pa.ipc.new_stream(sink, batch.schema) as writer:
                writer.write_batch(batch)
        try:
            with Path(self.path).open("ab") as stream:
                stream.write(sink.getvalue())
        except OSError as error:
            raise InputError(
                f"cannot write {self.path}: {reason(error)}; the decoded rows of both sides need room there;"
                " name a folder on another disk with TMPDIR, or with --temp_location on a remote runner"
            ) from error

    def read(self) -> Iterator[Piece]:
        """The pieces as they were added; they stay on disk as far as nobody looks at them."""
        with explained("read", self.path), pa.memory_map(self.path) as stream:
            while stream.tell() < stream.size():
                yield Piece(self.side, _next(stream), _next(stream))


def _next(stream: Any) -> pa.RecordBatch:
    # Unpacking reads on to the mark at the stream's end.
    (batch,) = open_stream(stream, checked=True)
    return batch
