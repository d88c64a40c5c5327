"""A run's metrics in Debian's own Pushgateway, node exporter and Prometheus, on this machine."""

from __future__ import annotations

import json
import subprocess
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.metrics import FINISHED, HOSTILE, fetch, free_port, make_run, program, started
from support.repo import ROOT

from trueserve.transforms.metrics import prometheus

SUCCESS = "trueserve_last_success_timestamp_seconds"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a Pushgateway."""
    address = f"127.0.0.1:{free_port()}"
    command = [program("prometheus-pushgateway", "prometheus-pushgateway"), f"--web.listen-address={address}"]
    with started(command, f"http://{address}/-/ready", tmp_path_factory.mktemp("gateway") / "log"):
        yield f"http://{address}"


def lines(text: str, name: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith(name + "{")]


def of_series(gateway: str, series: str) -> list[str]:
    return [line for line in fetch(f"{gateway}/metrics").splitlines() if f'series="{series}"' in line]


def test_gateway_keeps_the_last_success_when_a_run_fails(gateway: str) -> None:
    prometheus.push(gateway, make_run(series="a/b ø"))
    (success,) = [line for line in of_series(gateway, "a/b ø") if line.startswith(SUCCESS)]
    prometheus.push(gateway, make_run("failed", series="a/b ø"))
    # What strangers call their features breaks nothing of another series.
    prometheus.push(gateway, make_run(series=HOSTILE))
    own = of_series(gateway, "a/b ø")
    assert success in own
    verdicts = [line for line in own if 'verdict="failed"' in line]
    assert [line.rpartition(" ")[2] for line in verdicts] == ["1"]
    assert len(lines(fetch(f"{gateway}/metrics"), SUCCESS)) > 1


def test_prometheus_reads_the_gateway_and_the_rules(gateway: str, tmp_path: Path) -> None:
    prometheus.push(gateway, make_run())
    address = f"127.0.0.1:{free_port()}"
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(ROOT / "deploy" / "prometheus" / "rules.yml")],
        "scrape_configs": [
            {
                "job_name": "gateway",
                "honor_labels": True,
                "static_configs": [{"targets": [gateway.removeprefix("http://")]}],
            }
        ],
    }
    (tmp_path / "prometheus.yml").write_text(json.dumps(config))
    command = [
        program("prometheus", "prometheus"),
        f"--config.file={tmp_path}/prometheus.yml",
        f"--storage.tsdb.path={tmp_path}/data",
        f"--web.listen-address={address}",
    ]
    with started(command, f"http://{address}/-/ready", tmp_path / "log") as process:
        query = 'trueserve_incidents{series="flights",state="new",severity="error"}'
        (sample,) = _answer(f"http://{address}", query, process)
        assert (sample["metric"]["job"], sample["value"][1]) == ("trueserve", "1")
        (success,) = _answer(f"http://{address}", f'{SUCCESS}{{series="flights"}}', process)
        assert float(success["value"][1]) == FINISHED.timestamp()
        alerts = _answer(
            f"http://{address}", 'ALERTS{alertname="TrueserveIncident",series="flights"}', process
        )
        assert [alert["metric"]["alertstate"] for alert in alerts] == ["firing"]


def _answer(url: str, query: str, process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """The samples of a query, once Prometheus has read them."""
    for _ in range(100):
        answer = json.loads(fetch(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}"))
        if samples := answer["data"]["result"]:
            return list(samples)
        with pytest.raises(subprocess.TimeoutExpired):  # it is alive, and reads once a second
            process.wait(0.2)
    raise AssertionError(f"Prometheus has nothing of {query}")


def test_node_exporter_reads_the_file(tmp_path: Path) -> None:
    address = f"127.0.0.1:{free_port()}"
    folder = tmp_path / "textfile"
    folder.mkdir()
    prometheus.write(str(folder / "trueserve.prom"), make_run(series=HOSTILE))
    prometheus.write(str(folder / "trueserve.prom"), make_run("failed", series=HOSTILE))
    command = [
        program("prometheus-node-exporter", "prometheus-node-exporter"),
        "--collector.disable-defaults",
        "--collector.textfile",
        f"--collector.textfile.directory={folder}",
        f"--web.listen-address={address}",
    ]
    with started(command, f"http://{address}/", tmp_path / "log"):
        text = fetch(f"http://{address}/metrics")
    assert "node_textfile_scrape_error 0" in text
    (success,) = lines(text, SUCCESS)
    assert float(success.rpartition(" ")[2]) == FINISHED.timestamp()
