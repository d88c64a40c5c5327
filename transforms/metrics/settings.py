"""`[metrics]` of a configuration: where the metrics of each run go."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.alerts import secrets
from trueserve.transforms.alerts.receivers.receiver import url_problem
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import SettingsError, Table, shown, text
from trueserve.transforms.metrics.families import WORST

_MOST_FEATURES = 1_000


@dataclasses.dataclass(frozen=True)
class MetricsSettings:
    """Where metrics go; OpenTelemetry and OpenLineage's server are named by the environment alone.

    Attributes:
      textfile: a file of the node exporter's textfile collector; None without.
      pushgateway: a URL, or a reference to one that has a password; None without.
      lineage: a file for the events of OpenLineage; None without.
      worst: features of which the effect is given.
    """

    textfile: str | None = None
    pushgateway: str | Secret | None = None
    lineage: str | None = None
    worst: int = WORST


def parse(values: Mapping[str, Any] | None) -> MetricsSettings:
    """The settings; the default ones without a table. Raises SettingsError, which has all problems."""
    if values is None:
        return MetricsSettings()
    if not isinstance(values, Mapping):
        raise SettingsError((("metrics", f"expected a table, got {shown(values)}"),))
    problems: list[tuple[str, str]] = []
    table = Table("metrics", values, problems)
    settings = MetricsSettings(
        table.optional("textfile", _textfile, None),
        table.optional("pushgateway", _gateway, None),
        table.optional("lineage", text, None),
        table.optional("worst", _count, WORST),
    )
    table.close()
    if problems:
        raise SettingsError(tuple(problems))
    return settings


def _textfile(value: Any) -> str:
    path = text(value, 1_000)
    if not path.endswith(".prom") or "://" in path:
        raise ValueError(f"expected a local file whose name ends in .prom, got {shown(value)}")
    return path


def _gateway(value: Any) -> str | Secret:
    """A URL without a user, or a reference."""
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        return secrets.parse(value)
    if not isinstance(value, str) or url_problem(value, needs_tls=False) is not None:
        raise ValueError("expected a URL such as http://localhost:9091, or env:NAME or file:/PATH of one")
    if "@" in value or "?" in value:
        raise ValueError("a URL with a user or a query is a secret: give env:NAME or file:/PATH")
    return value


def _count(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_FEATURES:
        return value
    raise ValueError(f"expected a number of features, 0 to {_MOST_FEATURES:,}, got {shown(value)}")
