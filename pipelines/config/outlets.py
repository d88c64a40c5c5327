"""Whom a verdict is told to, as a model's file says: `[[alerts]]`, `[metrics]` and `page_url`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from trueserve.pipelines.config.problems import Problems
from trueserve.transforms.alerts import settings as alert_settings
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.tables import SettingsError, Table
from trueserve.transforms.files.file_systems import is_local
from trueserve.transforms.metrics import settings as metrics_settings
from trueserve.transforms.metrics.settings import MetricsSettings

#: The keys of a file that are about it.
KEYS = ("alerts", "metrics", "page_url")
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")

T = TypeVar("T")


@dataclasses.dataclass(frozen=True)
class Outlets:
    """Whom a verdict is told to.

    Attributes:
      page_url: where people read the output folder; empty if nowhere.
    """

    alerts: tuple[AlertSettings, ...] = ()
    metrics: MetricsSettings = dataclasses.field(default_factory=MetricsSettings)
    page_url: str = ""


def parse(document: Mapping[str, Any], problems: Problems, folder: str = "") -> Outlets:
    """Of a file in `folder`, to which its paths are relative; what is wrong is added to the problems."""
    wrong: list[tuple[str, str]] = []
    top = Table("", {key: document[key] for key in ("page_url",) if key in document}, wrong)
    no_alerts: tuple[AlertSettings, ...] = ()
    alerts = _parsed(lambda: alert_settings.parse(document.get("alerts", [])), no_alerts, wrong)
    metrics = _parsed(lambda: metrics_settings.parse(document.get("metrics")), MetricsSettings(), wrong)
    outlets = Outlets(alerts, _from(folder, metrics), top.optional("page_url", _url, ""))
    for path, sentence in wrong:
        problems.add(_keys(path), f"{path.lstrip('.')}: {sentence}")
    return outlets


def _parsed(parser: Callable[[], T], instead: T, wrong: list[tuple[str, str]]) -> T:
    try:
        return parser()
    except SettingsError as error:
        wrong += error.problems
        return instead


def _from(folder: str, metrics: MetricsSettings) -> MetricsSettings:
    """With the paths of files as this process takes them."""
    textfile, lineage = (
        path if path is None or not is_local(path) else str(Path(folder) / path)
        for path in (metrics.textfile, metrics.lineage)
    )
    return dataclasses.replace(metrics, textfile=textfile, lineage=lineage)


def _keys(path: str) -> tuple[str | int, ...]:
    """`alerts[0].url` as a path of keys."""
    return tuple(name or int(number) for name, number in _PART.findall(path))


def _url(value: Any) -> str:
    if isinstance(value, str) and value.isprintable() and _is_http(value):
        return value
    raise ValueError("expected a URL that begins with http:// or https://, without a user and a password")


def _is_http(value: str) -> bool:
    try:
        url = urlsplit(value)
    except ValueError:
        return False
    return url.scheme in ("http", "https") and bool(url.hostname) and url.username is None
