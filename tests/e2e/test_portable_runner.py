"""Commands on Beam's portable runner: workers in processes of their own give what this process gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import backtest, e2e, portable
from support.homes import Home

Capture = pytest.CaptureFixture[str]

_RUN_ID = re.compile(r"\d{8}T\d{6}Z\.\d{6}-[0-9a-f]{8}(-[0-9a-f]{12})?")


class Engine(NamedTuple):
    """A job server and a worker pool, and the flags by which commands use them."""

    server: str
    pool: str
    folder: Path

    def flags(self, **changes: str) -> list[str]:
        values = {
            "runner": "PortableRunner",
            "job_endpoint": self.server,
            "environment_type": "EXTERNAL",
            "environment_config": self.pool,
            "temp_location": str(self.folder / "temp"),
            # Else Beam lists the packages of this machine for each job; tests/e2e/test_dataflow.py has it so.
            "experiments": "disable_logging_submission_environment",
        }
        return ["--shared_filesystem", *(f"--{name}={value}" for name, value in (values | changes).items())]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("engine")
    with portable.job_server(folder) as server, portable.worker_pool(folder) as pool:
        yield Engine(server.address, pool.address, folder)


def errors_of(result: e2e.Run) -> list[str]:
    """What is on stderr but for the warning of a machine on which a worker needs a minute to begin."""
    return [
        line for line in result.err if not line.startswith("trueserve: warning: no worker has begun for 6")
    ]


def without_ids(text: str) -> str:
    return _RUN_ID.sub("RUN", text)


def test_prepare_makes_the_same_baseline(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    flags = [f"--examples={home.examples}", f"--preprocessing={home.preprocessing}", f"--label={e2e.LABEL}"]
    result = e2e.run(capsys, "prepare", *flags, f"--baseline={tmp_path}/baseline", *engine.flags())
    assert (result.code, errors_of(result)) == (0, [])
    for name in ("schema.pbtxt", "stats.binpb", "transformed_schema.pbtxt", "transformed_stats.binpb"):
        assert (tmp_path / "baseline" / name).read_bytes() == Path(home.baseline, name).read_bytes(), name
    assert not list((engine.folder / "temp").iterdir())


def test_validate_publishes_the_same_verdict(
    engine: Engine, home: Home, skewed_here: Path, tmp_path: Path, capsys: Capture
) -> None:
    there = e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "there", *engine.flags())
    assert (there.code, errors_of(there)) == (1, [])
    outputs = (skewed_here, tmp_path / "there")
    verdicts = [without_ids((output / "verdict.json").read_text()) for output in outputs]
    assert verdicts[0] == verdicts[1]


def test_backtest_writes_the_same_document(
    engine: Engine, home: Home, past_here: Path, tmp_path: Path, capsys: Capture
) -> None:
    log, flags = str(past_here / "logs" / "log-*"), (*backtest.SPAN, *engine.flags())
    result = backtest.backtest(capsys, home.baseline, log, tmp_path / "there", *flags)
    assert (result.code, errors_of(result)) == (0, [])
    assert e2e.tree(tmp_path / "there") == e2e.tree(past_here / "output")


def _fails(capsys: Capture, home: Home, output: Path, flags: list[str]) -> str:
    """Why `validate` fails with these flags: one line of an exit code 3, and `failed` is published."""
    result = e2e.validate(capsys, home.baseline, home.skewed, output, *flags)
    assert result.code == 3
    assert (output / "failed" / "verdict.json").exists()
    [error] = errors_of(result)
    return error


def test_a_job_server_that_is_not_there(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    nowhere = portable.free_address()
    flags = engine.flags(job_endpoint=nowhere, job_server_timeout="1")
    error = _fails(capsys, home, tmp_path, flags)
    assert f"--job_endpoint={nowhere}: no Beam job server has answered for 1 s; start one there" in error


def test_a_worker_pool_that_is_not_there(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    nowhere = portable.free_address()
    error = _fails(capsys, home, tmp_path, engine.flags(environment_config=nowhere))
    assert f"could not start a worker: a worker pool must listen on {nowhere}" in error


def test_a_worker_that_does_not_begin(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    with portable.worker_pool(tmp_path, is_broken=True) as pool:
        flags = engine.flags(environment_config=pool.address, job_server_timeout="8")
        error = _fails(capsys, home, tmp_path, flags)
    assert re.search(rf"no worker has begun for \d+ s: a worker pool must listen on {pool.address}", error)


def test_a_worker_that_is_killed(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    with portable.worker_pool(tmp_path, act="os.kill(os.getpid(), signal.SIGKILL)") as pool:
        error = _fails(capsys, home, tmp_path, engine.flags(environment_config=pool.address))
    assert "a worker is lost, and the job has failed. Look for an out-of-memory kill" in error


def test_a_job_server_that_is_killed(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    with (
        portable.job_server(tmp_path) as server,
        portable.worker_pool(tmp_path, act=f"os.kill({server.pid}, signal.SIGKILL)") as pool,
    ):
        flags = engine.flags(job_endpoint=server.address, environment_config=pool.address)
        error = _fails(capsys, home, tmp_path, flags)
    assert f"the Beam job server at {server.address} is lost, and the job has failed" in error
