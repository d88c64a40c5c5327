"""`[[alerts]]` of a configuration: who gets which alerts, and when."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from trueserve.transforms.alerts import quiet_hours
from trueserve.transforms.alerts.message import KINDS, SEVERITIES
from trueserve.transforms.alerts.quiet_hours import QuietHours
from trueserve.transforms.alerts.receivers import mail, pagerduty, pubsub, slack, teams, webhook
from trueserve.transforms.alerts.receivers.receiver import Receiver
from trueserve.transforms.alerts.tables import SettingsError, Table, choice, choices, shown
from trueserve.transforms.files import windows

TYPES: Mapping[str, Callable[[Table], Receiver]] = {
    "slack": slack.parse,
    "teams": teams.parse,
    "pagerduty": pagerduty.parse,
    "webhook": webhook.parse,
    "email": mail.parse,
    "pubsub": pubsub.parse,
}
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_MOST_ALERTS = 100
_LONGEST_COOLDOWN = dt.timedelta(days=366)


@dataclasses.dataclass(frozen=True)
class AlertSettings:
    """One table of `[[alerts]]`.

    Attributes:
      name: of the alert, and of the file that keeps what it has sent.
      kinds: the events that are sent, of `message.KINDS`.
      severity: the lowest severity of incidents that are sent.
      cooldown: the time after a message about an incident in which it is not alerted as new or worse again.
      is_grouped: whether the events of one window are one message.
      quiet: the hours in which messages wait; None without.
      loud: the lowest severity that does not wait for the end of the quiet hours; None if all wait.
    """

    name: str
    receiver: Receiver
    kinds: frozenset[str] = frozenset(KINDS)
    severity: str = "error"
    cooldown: dt.timedelta = dt.timedelta(0)
    is_grouped: bool = True
    quiet: QuietHours | None = None
    loud: str | None = None


def parse(tables: Sequence[Mapping[str, Any]]) -> tuple[AlertSettings, ...]:
    """The alerts of a configuration, in its order.

    Args:
      tables: the value of `alerts`, as TOML, JSON or YAML readers give it.

    Raises SettingsError, which has all problems of all tables.
    """
    problems: list[tuple[str, str]] = []
    if not isinstance(tables, list | tuple) or len(tables) > _MOST_ALERTS:
        raise SettingsError((("alerts", f"expected at most {_MOST_ALERTS} tables [[alerts]]"),))
    alerts = [_alert(f"alerts[{at}]", table, problems) for at, table in enumerate(tables)]
    names = [table.get("name") if isinstance(table, Mapping) else None for table in tables]
    problems += [
        (f"alerts[{at}].name", f"{shown(name)} is the name of an alert before")
        for at, name in enumerate(names)
        if name is not None and name in names[:at]
    ]
    if problems:
        raise SettingsError(tuple(problems))
    return tuple(alert for alert in alerts if alert is not None)


def _alert(path: str, values: Any, problems: list[tuple[str, str]]) -> AlertSettings | None:
    if not isinstance(values, Mapping):
        problems.append((path, f"expected a table, got {shown(values)}"))
        return None
    table = Table(path, values, problems)
    name = table.required("name", _name, "")
    kind = table.required("type", choice(*TYPES), "")
    if not kind:  # its keys are not known
        return None
    zone = table.optional("time_zone", quiet_hours.parse_zone, None)
    quiet = table.optional("quiet_hours", quiet_hours.parse, None)
    loud = table.optional("quiet_except", choice(*SEVERITIES), None)
    if quiet is None and (zone or loud):
        table.problem("quiet_hours", "is missing: time_zone and quiet_except are about it")
    alert = AlertSettings(
        name=name,
        receiver=TYPES[kind](table),
        kinds=table.optional("on", choices(*KINDS), frozenset(KINDS)),
        severity=table.optional("severity", choice(*SEVERITIES), "error"),
        cooldown=table.optional("cooldown", _cooldown, dt.timedelta(0)),
        is_grouped=table.optional("group", choice("window", "incident"), "window") == "window",
        quiet=quiet and dataclasses.replace(quiet, zone=zone or dt.UTC),
        loud=loud,
    )
    table.close()
    return alert


def _name(value: Any) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise ValueError(f"expected 1 to 40 of a-z, 0-9, - and _, got {shown(value)}")


def _cooldown(value: Any) -> dt.timedelta:
    length = windows.duration(value if isinstance(value, str) else shown(value))
    if length > _LONGEST_COOLDOWN:
        raise ValueError(f"expected at most a year, got {shown(value)}")
    return length
