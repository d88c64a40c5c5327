"""The requests of serialized tf.Examples that warm a model up: the first probes, alone and in a batch."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from google.protobuf.message import DecodeError

from trueserve.transforms.core import tensorflow_messages
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import tfrecord
from trueserve.transforms.serving import parity

# How many of the first probes each request has.
BATCHES = (1, 32)


def serialized(probes: Sequence[Any]) -> list[bytes]:
    """The examples of the request that has these probes, one a row."""
    return [parity.request(probe) for probe in probes]


def requests(data: bytes, path: str) -> list[list[bytes]]:
    """The examples of all such requests that `export` writes for the probes in a baseline's file.

    Args:
      data: the content of the file `path`.

    Raises UsageError for a file that is broken.
    """
    from_string = tensorflow_messages.example().FromString
    try:
        chunks = tfrecord.read_records(io.BytesIO(data))
        records = [record for chunk in chunks for record in chunk][: max(BATCHES)]
        probes = [from_string(record) for record in records]
    except (tfrecord.TFRecordError, DecodeError) as error:
        raise UsageError(f"{path} holds no probes ({error}); run trueserve prepare or adopt again") from error
    return [serialized(probes[:size]) for size in BATCHES] if probes else []
