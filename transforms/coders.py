"""Coders that say how large an element is without encoding it.

Beam asks for the size of some of the elements of every PCollection, wherever they go. Its own answer is to
encode them, which for a batch of thousands of columns, or a summary of them, takes longer than the work.
"""

from __future__ import annotations

import contextlib
import gc
import pickle
from collections.abc import Iterator
from typing import Any

import apache_beam as beam

from trueserve.transforms.branches.partial import Partial
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch
from trueserve.transforms.joining.piece import Piece, Side

# It changes with the classes of what is pickled.
_PARTIAL_VERSION = b"partial 3\n"


class RecordBatchCoder(beam.coders.Coder):
    """`pa.RecordBatch` as an Arrow stream. A slice is encoded without the rest of its parent."""

    def encode(self, value: pa.RecordBatch) -> bytes:
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, value.schema) as writer:
            writer.write_batch(value)
        encoded: bytes = sink.getvalue().to_pybytes()
        return encoded

    def decode(self, encoded: bytes) -> pa.RecordBatch:
        return pa.ipc.open_stream(encoded).read_next_batch()

    def estimate_size(self, value: pa.RecordBatch) -> int:
        return int(value.nbytes)

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> Any:
        return pa.RecordBatch


class BatchCoder(beam.coders.Coder):
    """`Batch`: both of its RecordBatches."""

    def __init__(self) -> None:
        self._parts = beam.coders.TupleCoder([RecordBatchCoder(), RecordBatchCoder()])

    def encode(self, value: Batch) -> bytes:
        encoded: bytes = self._parts.encode((value.features, value.metadata))
        return encoded

    def decode(self, encoded: bytes) -> Batch:
        return Batch(*self._parts.decode(encoded))

    def estimate_size(self, value: Batch) -> int:
        return int(value.features.nbytes + value.metadata.nbytes)

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> Any:
        return Batch


class PieceCoder(beam.coders.Coder):
    """`Piece`: its side and both of its RecordBatches."""

    def __init__(self) -> None:
        coders = [beam.coders.VarIntCoder(), RecordBatchCoder(), RecordBatchCoder()]
        self._parts = beam.coders.TupleCoder(coders)

    def encode(self, value: Piece) -> bytes:
        encoded: bytes = self._parts.encode((int(value.side), value.keys, value.features))
        return encoded

    def decode(self, encoded: bytes) -> Piece:
        side, keys, features = self._parts.decode(encoded)
        return Piece(Side(side), keys, features)

    def estimate_size(self, value: Piece) -> int:
        return int(value.keys.nbytes + value.features.nbytes)

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> Any:
        return Piece


class PartialCoder(beam.coders.Coder):
    """`Partial`, of any kind: the version of the form, and a pickle.

    The workers of a job have the same package. A runner that keeps elements for later (a job that is updated
    while it runs, say) may have those of another, which must not be taken for something else.
    """

    def encode(self, value: Partial) -> bytes:
        return _PARTIAL_VERSION + pickle.dumps(value, protocol=pickle.HIGHEST_PROTOCOL)

    def decode(self, encoded: bytes) -> Partial:
        version = encoded[: len(_PARTIAL_VERSION)]
        if version != _PARTIAL_VERSION:
            raise ValueError(f"a partial result has form {version!r}, expected {_PARTIAL_VERSION!r}")
        with _uncollected():
            value = pickle.loads(memoryview(encoded)[len(_PARTIAL_VERSION) :])
        assert isinstance(value, Partial)
        return value

    def estimate_size(self, value: Partial) -> int:
        return value.num_bytes

    def is_deterministic(self) -> bool:
        return False

    def to_type_hint(self) -> Any:
        return Partial


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Looks for no garbage: among many new objects, none of which go, that takes longer than to make them."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def register() -> None:
    """Makes these the coders of their types, in place of those that were registered before."""
    beam.coders.registry.register_coder(pa.RecordBatch, RecordBatchCoder)
    beam.coders.registry.register_coder(Batch, BatchCoder)
    beam.coders.registry.register_coder(Piece, PieceCoder)
    beam.coders.registry.register_coder(Partial, PartialCoder)


register()
