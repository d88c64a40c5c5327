"""tf.SequenceExamples as tf.Examples: the features of the context, and those of every step in one list.

A SequenceExample begins like an Example: both have `Features` in field 1. Its `feature_lists` in field 2 tell
it apart; without them it says what an Example of the same bytes says. A feature list gives the values of all
its steps in their order, as one list; where its steps ended is not kept. A feature that is in the context and
in a list has the values of the list. A step without values adds none.
"""

from __future__ import annotations

from typing import Any

from google.protobuf.message import DecodeError

from trueserve.transforms.core import tensorflow_messages


class MixedStepsError(ValueError):
    """A feature list whose steps hold values of different types, which one feature cannot have."""


def is_sequence_example(record: bytes) -> bool:
    """Whether the bytes are a tf.SequenceExample with feature lists."""
    try:
        return flattened(record) is not None
    except MixedStepsError:
        return True


def flattened(record: bytes) -> Any | None:
    """The tf.Example that a serialized tf.SequenceExample with feature lists gives; None for other bytes.

    Raises MixedStepsError.
    """
    example_class = tensorflow_messages.example()
    try:
        sequence = tensorflow_messages.sequence_example().FromString(record)
    except DecodeError:
        return None
    lists = sequence.feature_lists.feature_list
    if not lists or not all(map(_is_name, lists)) or _has_unknown_fields(sequence):
        return None
    example = example_class(features=sequence.context)
    for name, steps in lists.items():
        example.features.feature[name].CopyFrom(_joined(steps.feature, example_class))
    return example


def _is_name(name: str) -> bool:
    # A logged request to classify parses as feature lists, too, with a message for a name.
    return bool(name) and name.isprintable()


def _has_unknown_fields(message: Any) -> bool:
    size = message.ByteSize()
    message.DiscardUnknownFields()
    return bool(message.ByteSize() != size)


def _joined(steps: Any, example: Any) -> Any:
    """One feature with the values of all steps; without a kind where no step has one."""
    feature = example().features.feature[""]
    kinds = {step.WhichOneof("kind") for step in steps} - {None}
    if len(kinds) > 1:
        raise MixedStepsError
    for kind in kinds:
        values = getattr(feature, kind)
        values.SetInParent()
        for step in steps:
            values.value.extend(getattr(step, kind).value)
    return feature
