"""The examples of requests to classify and to regress: a list, or a list with a context for all of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from trueserve.transforms.logs.request import BadRecordError

# A context is given to every example, so a few bytes can claim any number of them.
MAX_MERGED_BYTES = 64 << 20
_EMPTY = (b"", b"\n\x00")


def examples_of(proto: Any) -> list[bytes]:
    """The serialized tf.Examples of a `tensorflow.serving.Input`, with their context merged into each.

    They are merged as TF Serving does, by writing the example's bytes after the context's. A feature that is
    in both has then the example's value: its protos call that undefined, but of two the parsers take the
    last. Raises BadRecordError for an input of no kind, and where context and examples together would take
    more than `MAX_MERGED_BYTES`.
    """
    kind = proto.WhichOneof("kind")
    if kind is None:
        raise BadRecordError("no_inputs", "the request has no examples")
    message = getattr(proto, kind)
    examples = [example.SerializeToString() for example in message.examples]
    if kind == "example_list":
        return examples
    return _merged(message.context.SerializeToString(), examples)


def _merged(context: bytes, examples: Sequence[bytes]) -> list[bytes]:
    if (size := len(context) * len(examples)) > MAX_MERGED_BYTES:
        detail = (
            f"the context takes {size} bytes in all examples; the most there can be is {MAX_MERGED_BYTES}"
        )
        raise BadRecordError("context_too_large", detail)
    if context in _EMPTY:
        return list(examples)
    return [context if example in _EMPTY else context + example for example in examples]
