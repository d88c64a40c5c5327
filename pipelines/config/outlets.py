"""Whom a verdict is told to, as a model's file says: `[[alerts]]`, `[metrics]`, `[lineage]`, `page_url`."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trueserve.pipelines.config.problems import Problems
from trueserve.transforms.alerts import secrets, settings
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.alerts.tables import SettingsError, Table
from trueserve.transforms.files.file_systems import is_local

#: The keys of a file that are about it.
KEYS = ("alerts", "metrics", "lineage", "page_url")
_PART = re.compile(r"([^.\[\]]+)|\[(\d+)\]")


@dataclasses.dataclass(frozen=True)
class Outlets:
    """Whom a verdict is told to, beside OpenTelemetry's and OpenLineage's servers of the environment.

    Attributes:
      page_url: where people read the output folder; empty if nowhere.
      textfile: of the node exporter, whose name ends in `.prom`.
      pushgateway: its URL, or where that is to be read if it holds a password.
      lineage_file: events of OpenLineage are written there.
    """

    alerts: tuple[AlertSettings, ...] = ()
    page_url: str = ""
    textfile: str | None = None
    pushgateway: str | Secret | None = None
    lineage_file: str | None = None


def parse(document: Mapping[str, Any], problems: Problems, folder: str = "") -> Outlets:
    """Of a file in `folder`, to which its paths are relative; what is wrong is added to the problems."""
    wrong: list[tuple[str, str]] = []
    top = Table("", {key: document[key] for key in ("page_url",) if key in document}, wrong)
    metrics, lineage = (_table(document, name, wrong) for name in ("metrics", "lineage"))
    outlets = Outlets(
        alerts=_alerts(document.get("alerts", []), wrong),
        page_url=top.optional("page_url", _url, ""),
        textfile=_from(folder, metrics.optional("textfile", _textfile, None)),
        pushgateway=metrics.optional("pushgateway", _url_or_secret, None),
        lineage_file=_from(folder, lineage.optional("file", _file, None)),
    )
    metrics.close()
    lineage.close()
    for path, sentence in wrong:
        keys = _keys(path)
        problems.add(keys, f"{path.lstrip('.')}: {sentence}")
    return outlets


def _alerts(tables: Any, wrong: list[tuple[str, str]]) -> tuple[AlertSettings, ...]:
    try:
        return settings.parse(tables)
    except SettingsError as error:
        wrong += error.problems
        return ()


def _table(document: Mapping[str, Any], name: str, wrong: list[tuple[str, str]]) -> Table:
    values = document.get(name, {})
    if not isinstance(values, Mapping):
        wrong.append((name, f"expected a table [{name}], got {values!r}"))
        values = {}
    return Table(name, values, wrong)


def _keys(path: str) -> tuple[str | int, ...]:
    """`alerts[0].url` as a path of keys."""
    return tuple(name or int(number) for name, number in _PART.findall(path))


def _from(folder: str, path: str | None) -> str | None:
    return path if path is None or not is_local(path) else str(Path(folder) / path)


def _file(value: Any) -> str:
    if isinstance(value, str) and value.strip() and value.isprintable():
        return value
    raise ValueError("expected the path of a file")


def _textfile(value: Any) -> str:
    path = _file(value)
    if not path.endswith(".prom") or not is_local(path):
        raise ValueError("expected a local file whose name ends in .prom, as the node exporter reads it")
    return path


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


def _url_or_secret(value: Any) -> str | Secret:
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        return secrets.parse(value)
    return _url(value)
