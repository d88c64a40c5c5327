"""Messages of TensorFlow's protos without TensorFlow: the same fields, the same bytes."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from support import logs
from tensorflow.core.example import example_pb2
from tensorflow_serving.apis import prediction_log_pb2

from trueserve.transforms.core import tensorflow_messages

WITHOUT_TENSORFLOW = """
import sys
from trueserve.transforms.core import tensorflow_messages as messages
for message in (messages.example(), messages.sequence_example(), messages.prediction_log()):
    assert message.FromString(b"") == message()
print(*sys.modules)
"""


@pytest.fixture
def forgotten() -> Iterator[None]:
    """What is known of classes is asked for again, before and after."""
    for function in (tensorflow_messages.message_class, tensorflow_messages._file_descriptor):
        function.cache_clear()
    yield
    for function in (tensorflow_messages.message_class, tensorflow_messages._file_descriptor):
        function.cache_clear()


def files(descriptor: Any) -> dict[str, bytes]:
    """What a file and those that it needs describe."""
    needed = [files(dependency) for dependency in descriptor.dependencies]
    return {name: data for each in needed for name, data in each.items()} | {
        descriptor.name: descriptor.serialized_pb
    }


@pytest.mark.parametrize(
    ("message", "generated"),
    [
        (tensorflow_messages.example(), example_pb2.Example),
        (tensorflow_messages.sequence_example(), example_pb2.SequenceExample),
        (tensorflow_messages.prediction_log(), prediction_log_pb2.PredictionLog),
    ],
)
def test_fields_are_those_of_the_generated_class(message: Any, generated: Any) -> None:
    assert message is not generated
    assert message.DESCRIPTOR.full_name == generated.DESCRIPTOR.full_name
    assert files(message.DESCRIPTOR.file) == files(generated.DESCRIPTOR.file)


def test_bytes_are_those_of_the_generated_class() -> None:
    request = logs.examples_log([logs.example(a=[1.5], b=[b"x", b"\xff"], c=[7])], seconds=5, version=3)
    log = tensorflow_messages.prediction_log().FromString(request)
    assert log.SerializeToString(deterministic=True) == prediction_log_pb2.PredictionLog.FromString(
        request
    ).SerializeToString(deterministic=True)
    assert log.log_metadata.timestamp_secs == 5


def test_no_package_of_tensorflow_is_imported() -> None:
    command = [sys.executable, "-c", WITHOUT_TENSORFLOW]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {name.split(".")[0] for name in run.stdout.split()} & {"tensorflow", "tensorflow_serving"}


@pytest.mark.usefixtures("forgotten")
def test_threads_may_ask_at_once() -> None:
    with ThreadPoolExecutor(8) as threads:
        messages = list(threads.map(lambda _: tensorflow_messages.prediction_log(), range(8)))
    assert {message.DESCRIPTOR for message in messages} == {messages[0].DESCRIPTOR}


@pytest.mark.usefixtures("forgotten")
def test_a_module_that_is_written_in_another_way_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorflow_messages, "_DESCRIPTOR", re.compile("(no such text)"))
    assert tensorflow_messages.example() is example_pb2.Example
    assert tensorflow_messages.prediction_log() is prediction_log_pb2.PredictionLog
