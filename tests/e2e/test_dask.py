"""Commands on a Dask cluster: workers in processes of their own give what this process gives."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from support import backtest, dask_cluster, e2e, portable
from support.dask_cluster import Cluster
from support.homes import Home

Capture = pytest.CaptureFixture[str]

_RUN_ID = re.compile(r"\d{8}T\d{6}Z\.\d{6}-[0-9a-f]{8}(-[0-9a-f]{12})?")


class Engine(NamedTuple):
    """A cluster of two workers, one of which has two threads, and the flags by which commands use it."""

    cluster: Cluster
    temp: Path

    def flags(self, address: str | None = None) -> list[str]:
        address = address or self.cluster.address
        more = ["--shared_filesystem", f"--temp_location={self.temp}", "--job_server_timeout=60"]
        return ["--runner=DaskRunner", f"--dask_client_address={address}", *more]


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    folder = tmp_path_factory.mktemp("dask")
    with dask_cluster.cluster(folder, dask_cluster.Control()) as cluster:
        cluster.start_scheduler()
        for threads in (1, 2):
            cluster.start_worker(f"of-{threads}", threads=threads)
        yield Engine(cluster, folder / "temp")


def verdict_of(output: Path) -> str:
    """The verdict, without what is another in each run."""
    return _RUN_ID.sub("RUN", (output / "verdict.json").read_text())


def test_validate_publishes_the_same_verdict(
    engine: Engine, home: Home, skewed_here: Path, tmp_path: Path, capsys: Capture
) -> None:
    there = e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "there", *engine.flags())
    assert (there.code, there.err) == (1, [])
    assert verdict_of(tmp_path / "there") == verdict_of(skewed_here)


def test_backtest_writes_the_same_document(
    engine: Engine, home: Home, past_here: Path, tmp_path: Path, capsys: Capture
) -> None:
    log, flags = str(past_here / "logs" / "log-*"), (*backtest.SPAN, *engine.flags())
    result = backtest.backtest(capsys, home.baseline, log, tmp_path / "there", *flags)
    assert (result.code, result.err) == (0, [])
    assert e2e.tree(tmp_path / "there") == e2e.tree(past_here / "output")


def test_a_scheduler_that_is_not_there(engine: Engine, home: Home, tmp_path: Path, capsys: Capture) -> None:
    nowhere = f"tcp://{portable.free_address().replace('localhost', '127.0.0.1')}"
    flags = [*engine.flags(nowhere), "--dask_connection_timeout=1"]
    result = e2e.validate(capsys, home.baseline, home.skewed, tmp_path, *flags)
    assert result.code == 3
    assert f"--dask_client_address={nowhere}: no Dask scheduler has answered for 1 s" in e2e.one_error(result)
    assert (tmp_path / "failed" / "verdict.json").exists()


def test_validate_publishes_the_same_verdict_though_a_worker_is_killed(
    engine: Engine, home: Home, skewed_here: Path, tmp_path: Path, capsys: Capture
) -> None:
    engine.cluster.control.orders["read"] = lambda _: dask_cluster.DIE
    killed = e2e.validate(capsys, home.baseline, home.skewed, tmp_path / "killed", *engine.flags())
    assert (killed.code, killed.err) == (1, [])
    assert verdict_of(tmp_path / "killed") == verdict_of(skewed_here)
    assert not list(engine.temp.iterdir())
