"""Commands on an object store: an S3 server on this machine. What comes out is what comes out of files."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import botocore.session
import pytest
from moto.server import ThreadedMotoServer
from support import backtest, e2e
from support.homes import Home

Capture = pytest.CaptureFixture[str]

BUCKET = "rides"
_KEYS = {
    "AWS_ACCESS_KEY_ID": "made-up",
    "AWS_SECRET_ACCESS_KEY": "made-up",
    "AWS_DEFAULT_REGION": "us-east-1",
}
_RUN_ID = re.compile(r"\d{8}T\d{6}Z\.\d{6}-[0-9a-f]{8}(-[0-9a-f]{12})?")


class Store(NamedTuple):
    """The server's address, and a client of it."""

    endpoint: str
    client: Any

    @property
    def flag(self) -> str:
        return f"--s3_endpoint_url={self.endpoint}"

    def upload(self, folder: Path, name: str) -> str:
        """Every file below a folder, below `name` in the bucket."""
        for path in (path for path in folder.rglob("*") if path.is_file()):
            self.client.upload_file(str(path), BUCKET, f"{name}/{path.relative_to(folder)}")
        return f"s3://{BUCKET}/{name}"

    def tree(self, name: str) -> dict[str, bytes]:
        """Every object below `name` with its content."""
        objects = self.client.list_objects_v2(Bucket=BUCKET, Prefix=f"{name}/").get("Contents", [])
        return {each["Key"].removeprefix(f"{name}/"): self._read(each["Key"]) for each in objects}

    def _read(self, key: str) -> bytes:
        data: bytes = self.client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        return data


@pytest.fixture(scope="module")
def store(home: Home) -> Iterator[Store]:
    """A store with the rides' baseline."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in _KEYS.items():
            patch.setenv(name, value)
        # Beam makes many clients, and each would read botocore's descriptions of services anew.
        loader = botocore.session.create_loader()
        patch.setattr(botocore.session, "create_loader", lambda *_: loader)
        endpoint = "http://{}:{}".format(*server.get_host_and_port())
        client = boto3.client("s3", endpoint_url=endpoint)
        client.create_bucket(Bucket=BUCKET)
        made = Store(endpoint, client)
        made.upload(Path(home.baseline), "baseline")
        yield made
    server.stop()


def test_validate_publishes_the_same_verdict(
    store: Store, home: Home, skewed_here: Path, capsys: Capture
) -> None:
    baseline, logs = f"s3://{BUCKET}/baseline", store.upload(Path(home.skewed).parent, "logs")
    flags = [f"--baseline={baseline}", f"--logs={logs}/*", f"--output=s3://{BUCKET}/skew", store.flag]
    there = e2e.run(capsys, "validate", *flags)
    assert (there.code, there.err) == (1, [])
    text = store.tree("skew")["verdict.json"].decode()
    moved = json.loads(_RUN_ID.sub("RUN", text.replace(logs, str(Path(home.skewed).parent))))
    at_home = json.loads(_RUN_ID.sub("RUN", (skewed_here / "verdict.json").read_text()))
    # The report names the log, whose name has another length.
    assert moved["artifacts"].keys() == at_home["artifacts"].keys()
    assert {**moved, "artifacts": {}} == {**at_home, "artifacts": {}}
    for artifact in json.loads(text)["artifacts"].values():
        assert hashlib.sha256(store.tree("skew")[artifact["path"]]).hexdigest() == artifact["sha256"]


def test_backtest_writes_the_same_files(store: Store, home: Home, past_here: Path, capsys: Capture) -> None:
    logs = store.upload(past_here / "logs", "past")
    flags = [f"--baseline=s3://{BUCKET}/baseline", f"--logs={logs}/log-*", f"--output=s3://{BUCKET}/limits"]
    there = e2e.run(capsys, "backtest", *flags, *backtest.SPAN, store.flag)
    assert (there.code, there.err) == (0, [])
    at_home = {f"s3://{BUCKET}/baseline": home.baseline, logs: str(past_here / "logs")}
    assert _renamed(store.tree("limits"), at_home) == e2e.tree(past_here / "output")


def _renamed(tree: dict[str, bytes], names: dict[str, str]) -> dict[str, bytes]:
    """Files with other names of folders in them."""
    renamed = dict(tree)
    for old, new in names.items():
        renamed = {file: content.replace(old.encode(), new.encode()) for file, content in renamed.items()}
    return renamed
