"""Metrics for Prometheus: a file for the node exporter's textfile collector, and the Pushgateway.

The format: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Sequence
from urllib.parse import quote

from trueserve.transforms.alerts.transport import Pace, Request, in_attempts, post
from trueserve.transforms.core.errors import InputError, UsageError
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.metrics.families import LAST_SUCCESS, WORST, Family, Labels, Run, of_run
from trueserve.transforms.publish.formatting import visible

_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_EXTENSION = ".prom"
_LARGEST = 8 << 20  # bytes of a file of ours
_SUCCESS = re.compile(rf"^{LAST_SUCCESS}\{{series=\"((?:[^\"\\]|\\.)*)\"\}} (\S+)$", re.MULTILINE)
_JOB = "trueserve"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


def text(families: Sequence[Family]) -> bytes:
    """The metrics in Prometheus' text format, without times of their own, as the node exporter asks."""
    lines = [line for family in families if family.samples for line in _lines(family)]
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def write(path: str, run: Run, worst: int = WORST) -> None:
    """Replaces a file of the textfile collector at once; its name ends in `.prom`.

    A run that did not examine its window keeps the time of the last one that did, as the file had it.

    Raises UsageError for another name, InputError where the file cannot be written.
    """
    if not path.endswith(_EXTENSION) or not file_systems.is_local(path):
        raise UsageError(f"{path}: the node exporter reads local files whose names end in {_EXTENSION}")
    last_success = None if run.is_success else _last_success(path, run.series)
    paths.write_atomically(path, text(of_run(run, worst, last_success)))


def push(url: str, run: Run, worst: int = WORST, pace: Pace | None = None) -> None:
    """Adds the metrics to a Pushgateway's (`pushadd`: POST), in the group of the job and the series.

    What this run has no metric of stays as an earlier run pushed it: so the time of the last success does.

    Args:
      url: the gateway's, such as `http://localhost:9091`; it may hold a user and a password.

    Raises DeliveryError, without the URL, where the gateway does not take them.
    """
    pace = pace or Pace()
    body = text(of_run(run, worst))
    target, headers = _without_user(f"{url.rstrip('/')}{group(run.series)}")
    request = Request(target, body, {"Content-Type": _CONTENT_TYPE, **headers})

    def send() -> None:
        post(request, [url, *headers.values()])

    in_attempts(send, pace, pace.monotonic() + pace.longest)


def group(series: str) -> str:
    """`/metrics/job/trueserve/series/NAME`, the name in base64 where it is not plain."""
    name = visible(series, 200)
    if _PLAIN.fullmatch(name):
        return f"/metrics/job/{_JOB}/series/{name}"
    encoded = base64.urlsafe_b64encode(name.encode("utf-8", "replace")).decode()
    return f"/metrics/job/{_JOB}/series@base64/{quote(encoded) or '='}"


def _without_user(url: str) -> tuple[str, dict[str, str]]:
    """The URL, and its user and password as a header."""
    scheme, separator, rest = url.partition("://")
    user, at, host = rest.partition("/")[0].rpartition("@")
    if not separator or not at:
        return url, {}
    token = base64.b64encode(user.encode("utf-8", "replace")).decode()
    return f"{scheme}://{host}{rest[len(user) + 1 + len(host) :]}", {"Authorization": f"Basic {token}"}


def _lines(family: Family) -> Iterable[str]:
    yield f"# HELP {family.name} {_escaped_help(family.help)}"
    yield f"# TYPE {family.name} gauge"
    for labels, value in family.samples:
        yield f"{family.name}{_labels(labels)} {value!r}"


def _labels(labels: Labels) -> str:
    inner = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inner}}}" if inner else ""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')


def _escaped_help(value: str) -> str:
    return value.replace("\\", "\\\\").replace("\n", "\\n")


def _last_success(path: str, series: str) -> float | None:
    """The time in the file that is to be replaced; None where it has none of this series."""
    try:
        if not paths.is_file(path):
            return None
        with paths.open_stored(path) as stream:
            content = stream.read(_LARGEST).decode("utf-8", "replace")
        times = {name: float(value) for name, value in _SUCCESS.findall(content)}
    except (InputError, OSError, ValueError):
        return None
    return times.get(_escaped(visible(series, 200)))
