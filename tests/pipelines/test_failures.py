"""A job that fails says where, and not on what."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.internal.cloudpickle import cloudpickle
from apache_beam.options.pipeline_options import PipelineOptions

from trueserve.pipelines.beam import failures
from trueserve.pipelines.beam.job import new_job
from trueserve.pipelines.display.console import Console
from trueserve.transforms.core.errors import InputError, UsageError

SECRET = "a value of somebody's request"


class _Fails(beam.DoFn):
    def __init__(self, kind: str) -> None:
        self._kind = kind

    def process(self, element: str) -> None:
        import tensorflow as tf

        if self._kind == "ours":
            raise UsageError("the baseline has gone; make it again")
        if self._kind == "text":
            raise RuntimeError(f"first line\n{element}\nValueError: {element}")
        try:
            tf.strings.to_number(tf.constant([element]))
        except tf.errors.OpError as error:
            raise ValueError(f"in {element}") from error


def failure(kind: str, mode: str) -> tuple[str, str]:
    """The message of a failed job, and what stands in the file that it names."""
    flags = PipelineOptions(["--runner=DirectRunner", f"--direct_running_mode={mode}"])
    with new_job(flags, Console()) as job:
        pipeline: Any = beam.Pipeline(options=job.options)
        _ = pipeline | beam.Create([SECRET]) | "Failing" >> beam.ParDo(_Fails(kind))
        with pytest.raises(InputError) as caught:
            job.run(pipeline, "failing", 0)
    message = str(caught.value)
    [path] = re.findall(r" is in (\S+\.log)$", message)
    kept = Path(path).read_text()
    Path(path).unlink()
    return message, kept


@pytest.mark.parametrize("mode", ["in_memory", "multi_threading"])
@pytest.mark.parametrize(
    ("kind", "where"),
    [
        ("tensorflow", r"[\w.]+ at [\w.]+:\d+ in \w+; "),
        ("text", r"RuntimeError at test_failures.py:\d+ in process; "),
    ],
)
def test_the_message_and_the_traceback_hold_no_payload(kind: str, where: str, mode: str) -> None:
    message, kept = failure(kind, mode)
    assert "somebody" not in message + kept
    assert re.match("the Beam job failed: " + where, message)
    assert re.search(r"^  \S+/test_failures.py:\d+ in process$", kept, re.MULTILINE)


@pytest.mark.parametrize("mode", ["in_memory", "multi_threading"])
def test_an_error_of_ours_says_its_text(mode: str) -> None:
    message, kept = failure("ours", mode)
    assert message.startswith("the Beam job failed: the baseline has gone; make it again; the traceback")
    assert "UsageError: the baseline has gone; make it again" in kept


def test_what_happened_in_another_process_is_told_without_payload() -> None:
    # Worker processes cannot import a test.
    this = sys.modules[__name__]
    cloudpickle.register_pickle_by_value(this)
    try:
        message, kept = failure("tensorflow", "multi_processing")
    finally:
        cloudpickle.unregister_pickle_by_value(this)
    assert "somebody" not in message + kept
    assert "errors_impl.InvalidArgumentError at " in message
    assert re.search(r"^  \S+/test_failures.py:\d+ in process$", kept, re.MULTILINE)


def test_an_error_of_the_operating_system_is_told_and_no_other_text_is() -> None:
    def raised(error: Exception) -> Exception:
        with pytest.raises(type(error)) as caught:
            raise error
        return caught.value

    full = failures.unexpected(raised(OSError(28, "secret", "/data/file")))
    assert full.startswith("/data/file: No space left on device (at test_failures.py:")
    other = failures.unexpected(raised(ValueError("secret")))
    assert other.startswith("unexpected ValueError at test_failures.py:")
    assert "secret" not in full + other
