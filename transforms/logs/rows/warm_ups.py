"""Warm-up requests: what a model is asked before it takes traffic, and which is none.

They are known by where they stand, and by being what `export` wrote. TF Serving replays the file in the
session, past its request logger, so what comes into a log of it is a copy: it has neither a time nor a
response. A request that has one of these is traffic, even where it equals a probe, which is a row of the
training data and may well be asked again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from trueserve.transforms.columnar.framing import Array, Block, block_of
from trueserve.transforms.columnar.hashing import hash_requests

WARM_UP = "warm_up"
FILE_NAME = "tf_serving_warmup_requests"
FOLDER = "assets.extra"


def is_warm_up_file(path: str) -> bool:
    """Whether a file is of a served model's warm-up requests, by its name or its folder."""
    *folders, name = path.replace("\\", "/").split("/")
    return name == FILE_NAME or FOLDER in folders


def fingerprints(requests: Iterable[Sequence[bytes]]) -> frozenset[int]:
    """What `Settings.warm_ups` needs to know these requests by, each a list of serialized tf.Examples."""
    return frozenset(map(fingerprint, requests))


def fingerprint(examples: Sequence[bytes]) -> int:
    """A number, of 64 bits, that all the examples and their order decide."""
    [code] = fingerprints_of(block_of(list(examples)), np.array([[0, len(examples)]], np.int64))
    return int(code)


def fingerprints_of(examples: Block, requests: Array) -> Array:
    """The fingerprints (uint64) of requests: int64 [n, 2], where the examples of each begin and end."""
    codes = np.empty(len(requests), np.uint64)
    hash_requests(examples.data, examples.starts, examples.ends, requests, codes)
    return codes
