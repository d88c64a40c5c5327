"""A job as Dataflow gets it: its request, the graph that was staged, and what the graph's functions carry."""

from __future__ import annotations

import base64
import bz2
import contextlib
import os
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from apache_beam.portability.api import beam_runner_api_pb2

from support.google_cloud import Cloud, Json
from support.repo import ROOT


def flags(google: Cloud) -> list[str]:
    """Those of a job on Dataflow whose services are on this machine."""
    return [
        "--runner=DataflowRunner",
        "--project=p",
        "--region=r",
        "--temp_location=gs://rides/tmp",
        "--staging_location=gs://rides/staging",
        f"--dataflow_endpoint={google.endpoint}",
    ]


def graph_of(google: Cloud, job: Json) -> Any:
    """The pipeline that a job's workers run."""
    url = job["environment"]["sdkPipelineOptions"]["options"]["pipelineUrl"]
    return beam_runner_api_pb2.Pipeline.FromString(google.read(url))


def payloads(pipeline: Any) -> Iterator[bytes]:
    """What each step carries, as it came and, where that is a pickle of Beam's, unpacked."""
    for transform in pipeline.components.transforms.values():
        payload = transform.spec.payload
        yield payload
        if transform.spec.urn == "beam:transform:pardo:v1":
            payload = beam_runner_api_pb2.ParDoPayload.FromString(payload).do_fn.payload
        if transform.spec.urn.startswith("beam:transform:combine"):
            payload = beam_runner_api_pb2.CombinePayload.FromString(payload).combine_fn.payload
        yield _unpacked(payload)


def _unpacked(payload: bytes) -> bytes:
    for unpack in (zlib.decompress, bz2.decompress):
        with contextlib.suppress(ValueError, OSError, zlib.error):
            return unpack(base64.b64decode(payload))
    return payload


def workers(google: Cloud, folder: Path) -> Callable[[Json], None]:
    """In place of Dataflow's: a process that runs the job's graph, in a folder of its own."""

    def run(job: Json) -> None:
        (folder / "pipeline.pb").write_bytes(graph_of(google, job).SerializeToString())
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}", "TF_CPP_MIN_LOG_LEVEL": "3"}
        command = [sys.executable, "-W", "ignore", "-m", "support.dataflow_worker", "pipeline.pb"]
        subprocess.run(command, cwd=folder, env=environment, check=True)

    folder.mkdir()
    return run
