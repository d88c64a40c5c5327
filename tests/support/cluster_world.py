"""An object store, a Dask cluster and a launcher, each in namespaces of its own; commands are run there."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple, Self

from support import backtest, e2e, namespaces
from support.dask_cluster import Cluster, Control
from support.repo import ROOT

BUCKET = "trueserve"
LOGS = "logs"
WORKERS = ("worker-1", "worker-2", "worker-3")
_STORE_PORT = 5000
_KEYS = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_DEFAULT_REGION": "us-east-1",
    # This machine's own configuration is not looked for.
    "AWS_EC2_METADATA_DISABLED": "true",
}
_COMMAND = "import sys; from trueserve.pipelines.cli import entry_point; sys.exit(entry_point())"
_RUN_ID = re.compile(r"\d{8}T\d{6}Z\.\d{6}-[0-9a-f]{8}(-[0-9a-f]{12})?")
_ROWS, _CUTS = 10_000, (2_000, 4_000, 6_000, 8_000, 9_000)
# So long nothing may answer.
TIMEOUT_SECONDS = 20


class Done(NamedTuple):
    """How a command ended: its exit code, minus the signal that killed it; errors; when."""

    code: int
    errors: list[str]
    at: float


class World:
    """The machines, with a baseline and logs in the store, and `here`: the verdict of one process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        bridge = namespaces.make_bridge()
        names = ("store", "scheduler", "launcher", *WORKERS)
        self.hosts = {name: namespaces.make_host(name, number) for number, name in enumerate(names, start=2)}
        self._endpoint = f"http://{self.hosts['store'].address}:{_STORE_PORT}"
        self.control = Control(bridge.address)
        # Workers write in folders of their own. Of the store they know what the launcher's flags say.
        self.cluster = Cluster(Path(namespaces.PRIVATE, "dask"), self.control, _KEYS, logs=folder)
        self._store = self._start_store()
        self._launcher: subprocess.Popen[str] | None = None
        self._lost_at: float | None = None

    def __enter__(self) -> Self:
        self._client = _client(self._endpoint)
        self._client.create_bucket(Bucket=BUCKET)
        self._make_data()
        self.restart()
        assert self.run("validate", LOGS, "here", f"--s3_endpoint_url={self._endpoint}").code == 1
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.kill_all()
        self._store.kill()
        self._store.wait()

    def flags(self) -> list[str]:
        """How a command uses the cluster."""
        location = f"--temp_location=s3://{BUCKET}/temp"
        return [
            "--runner=DaskRunner",
            f"--dask_client_address={self.cluster.address}",
            f"--job_server_timeout={TIMEOUT_SECONDS}",
            location,
        ]

    def run(self, command: str, logs: str, output: str, *more: str) -> Done:
        """Runs a command on the launcher's machine, on the store's baseline and logs."""
        self.control.reached.clear()
        self._lost_at = None
        paths = {"baseline": "baseline", "logs": f"{logs}/*", "output": output}
        flags = [f"--{name}=s3://{BUCKET}/{path}" for name, path in paths.items()]
        endpoint = f"--s3_endpoint_url={self._endpoint}"
        arguments = [command, *flags, *more, *([] if endpoint in more else [endpoint])]
        self._launcher = subprocess.Popen(
            [*self.hosts["launcher"].prefix, sys.executable, "-W", "ignore", "-c", _COMMAND, *arguments],
            cwd="/",
            env=_environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        errors = self._launcher.communicate()[1].splitlines()
        return Done(self._launcher.returncode, errors, time.monotonic())

    def kill_launcher(self) -> None:
        assert self._launcher is not None
        self._launcher.kill()
        # Its child ends with it.
        self._launcher.wait()

    def kill_workers(self) -> None:
        for name in WORKERS:
            self.cluster.kill(name)
        self._lost_at = time.monotonic()

    def kill_scheduler(self) -> None:
        self.cluster.kill("scheduler")
        self._lost_at = time.monotonic()

    def stop_scheduler(self) -> None:
        """The scheduler hangs, and its connections stay."""
        self._lost_at = time.monotonic()
        self.cluster.processes["scheduler"].send_signal(signal.SIGSTOP)

    def restart_worker(self, name: str) -> None:
        self.cluster.kill(name)
        self.cluster.start_worker(name, self.hosts[name])

    def restart(self) -> None:
        """A new scheduler and new workers; one of them has two threads."""
        self.cluster.kill_all()
        self.cluster.start_scheduler(self.hosts["scheduler"])
        for threads, name in zip((1, 1, 2), WORKERS, strict=True):
            self.cluster.start_worker(name, self.hosts[name], threads)

    def event_at(self, point: str) -> threading.Event:
        """What is set when a worker comes to a point."""
        event = threading.Event()
        self.control.orders[point] = lambda _: event.set()
        return event

    def objects(self, folder: str) -> dict[str, bytes]:
        """Every object below a folder of the bucket, by its name there."""
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=f"{folder}/")
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        return {key.removeprefix(f"{folder}/"): self._read(key) for key in keys}

    def verdict(self, folder: str) -> str:
        """What is published there, without what is another in each run; every file that it names is whole."""
        text = self._read(f"{folder}/verdict.json").decode()
        for artifact in json.loads(text)["artifacts"].values():
            data = self._read(f"{folder}/{artifact['path']}")
            assert (len(data), hashlib.sha256(data).hexdigest()) == (artifact["bytes"], artifact["sha256"])
        # An attempt that is made again replaces the first.
        return _RUN_ID.sub("RUN", text).replace('"replaces": "RUN"', '"replaces": null')

    def attempts(self, folder: str) -> set[str]:
        """The attempts to publish that left files."""
        return {name.split("/")[1] for name in self.objects(folder) if name.startswith("runs/")}

    def check_failed(self, done: Done, output: str, text: str, seconds: float) -> None:
        """Exit code 3 and one line, in time after a loss; `failed` is published, and no more."""
        assert done.code == 3, done
        assert len(done.errors) == 1, done
        assert text in done.errors[0], done
        assert self._lost_at is None or done.at - self._lost_at < seconds, done
        assert json.loads(self.verdict(f"{output}/failed"))["verdict"] == "failed"
        assert "verdict.json" not in self.objects(output)

    def logs(self) -> str:
        """The last lines that each process wrote."""
        paths = sorted(self._folder.glob("*.log"))
        return "\n".join(f"== {path.stem}\n{path.read_text()[-2000:]}" for path in paths)

    def _read(self, key: str) -> bytes:
        data: bytes = self._client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data

    def _start_store(self) -> subprocess.Popen[bytes]:
        host = self.hosts["store"]
        command = [sys.executable, "-m", "moto.server", f"--host={host.address}", f"--port={_STORE_PORT}"]
        with (self._folder / "store.log").open("w") as log:
            return subprocess.Popen([*host.prefix, *command], cwd="/", stdout=log, stderr=log)

    def _make_data(self) -> None:
        """Puts examples and logs into the store, and makes the baseline there."""
        rows, served = e2e.rides(_ROWS, 1), e2e.requests(e2e.rides(_ROWS, 2))
        faulty = e2e.in_lower_case(e2e.in_kilometres(served))
        e2e.write_examples(self._folder / "examples", rows, _CUTS)
        e2e.write_logs(self._folder / LOGS, faulty, _CUTS)
        backtest.written(served, self._folder / "past-logs")
        for name in ("examples", LOGS, "past-logs"):
            for path in (self._folder / name).iterdir():
                self._client.upload_file(str(path), BUCKET, f"{name}/{path.name}")
        (self._folder / "features.py").write_text(e2e.PREPROCESSING)
        paths = {"examples": "examples/*", "baseline": "baseline"}
        flags = [f"--{name}=s3://{BUCKET}/{path}" for name, path in paths.items()]
        flags += [f"--preprocessing={self._folder}/features.py", f"--label={e2e.LABEL}"]
        flags += [f"--s3_endpoint_url={self._endpoint}"]
        command = [sys.executable, "-W", "ignore", "-c", _COMMAND, "prepare", *flags]
        subprocess.run(command, env=_environment(), check=True, stdout=subprocess.DEVNULL)


def same(actual: Any, expected: Any) -> None:
    """Fails where they differ, without showing all of them."""
    assert actual == expected


def _environment() -> dict[str, str]:
    return {**os.environ, **_KEYS, "PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"}


def _client(endpoint: str) -> Any:
    import boto3
    from botocore.config import Config

    # The store may not have begun.
    patient = Config(retries={"max_attempts": 10, "mode": "standard"})
    return boto3.client(
        "s3",
        endpoint_url=endpoint,
        config=patient,
        region_name=_KEYS["AWS_DEFAULT_REGION"],
        aws_access_key_id=_KEYS["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=_KEYS["AWS_SECRET_ACCESS_KEY"],
    )
