"""Runs a job as Dataflow got it, in a process that knows nothing of the launcher: `python -m ... PIPELINE`.

Beam's own runner takes the place of Dataflow, and this process that of the container.
"""

from __future__ import annotations

import sys
from pathlib import Path

from apache_beam.io.filesystems import FileSystems
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_runner_api_pb2
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms.environments import EmbeddedPythonEnvironment


def main(path: str) -> None:
    """Runs the serialized pipeline to its end."""
    options = PipelineOptions([])
    FileSystems.set_options(options)
    pipeline = beam_runner_api_pb2.Pipeline.FromString(Path(path).read_bytes())
    here = EmbeddedPythonEnvironment.default().to_runner_api(None)
    for environment in pipeline.components.environments.values():
        environment.CopyFrom(here)
    FnApiRunner().run_via_runner_api(pipeline, options).wait_until_finish()


if __name__ == "__main__":
    main(sys.argv[1])
