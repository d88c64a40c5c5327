"""`[[alerts]]`: what is taken, and that all problems come at once, with their keys and without secrets."""

from __future__ import annotations

import datetime as dt
import tomllib
from typing import Any

import pytest

from trueserve.transforms.alerts import quiet_hours, settings
from trueserve.transforms.alerts.receivers.mail import Mail
from trueserve.transforms.alerts.receivers.pagerduty import PagerDuty
from trueserve.transforms.alerts.receivers.pubsub import PubSub
from trueserve.transforms.alerts.receivers.slack import Slack
from trueserve.transforms.alerts.receivers.teams import Teams
from trueserve.transforms.alerts.receivers.webhook import Webhook
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.tables import SettingsError

GOOD = """
[[alerts]]
name = "team"
type = "slack"
url = "env:SLACK_URL"
on = ["new", "worse", "resolved"]
severity = "warning"
cooldown = "P1D"
group = "incident"
quiet_hours = "22:00-07:00"
time_zone = "Europe/Berlin"
quiet_except = "error"

[[alerts]]
name = "teams"
type = "teams"
url = "file:/run/secrets/teams"

[[alerts]]
name = "pager"
type = "pagerduty"
routing_key = "env:KEY"
url = "https://events.eu.pagerduty.com/v2/enqueue"

[[alerts]]
name = "hook"
type = "webhook"
url = "env:HOOK"
headers = { Authorization = "env:TOKEN" }
template = '{"text": "${title}", "n": "${count}", "events": "${events}"}'

[[alerts]]
name = "mail"
type = "email"
host = "mail.example.com"
from = "skew@example.com"
to = ["a@example.com", "b@example.com"]
user = "skew"
password = "env:PASSWORD"

[[alerts]]
name = "topic"
type = "pubsub"
topic = "projects/p-1/topics/skew"
"""


def problems(text: str) -> dict[str, str]:
    with pytest.raises(SettingsError) as caught:
        settings.parse(tomllib.loads(text)["alerts"])
    return dict(caught.value.problems)


def table_of(kind: str, keys: str) -> str:
    return f'[[alerts]]\nname = "a"\ntype = "{kind}"\n{keys}\n'


def test_all_receivers_are_read() -> None:
    alerts = settings.parse(tomllib.loads(GOOD)["alerts"])
    assert [type(alert.receiver) for alert in alerts] == [Slack, Teams, PagerDuty, Webhook, Mail, PubSub]
    team = alerts[0]
    assert team.receiver == Slack(Secret("env:SLACK_URL"))
    assert set(team.kinds) == {"new", "worse", "resolved"}
    assert (team.severity, team.is_grouped) == ("warning", False)
    assert (team.cooldown, team.loud) == (dt.timedelta(days=1), "error")
    assert alerts[1].kinds == {"new", "worse", "resolved", "failed", "not_examined", "missing"}


def test_all_problems_come_at_once_each_with_its_key() -> None:
    text = table_of("slack", 'url = "https://hooks.slack.com/T0KEN"\nurrl = 1\nseverity = "dire"\non = []')
    text += table_of("nobody", "") + table_of(
        "email", 'host = "a b"\nfrom = "x"\nto = []\nport = 0\nuser = "u"'
    )
    noted = problems(text)
    assert set(noted) == {
        "alerts[0].url",
        "alerts[0].urrl",
        "alerts[0].severity",
        "alerts[0].on",
        "alerts[1].type",
        "alerts[2].host",
        "alerts[2].from",
        "alerts[2].to",
        "alerts[2].port",
        "alerts[2].user",
        "alerts[1].name",
        "alerts[2].name",
    }
    assert noted["alerts[0].urrl"] == "is no key here; did you mean url?"
    assert noted["alerts[2].name"] == "a is the name of an alert before"


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("slack", "url"),
        ("teams", "url"),
        ("webhook", "url"),
        ("pagerduty", "routing_key"),
        ("email", "password"),
    ],
)
@pytest.mark.parametrize("value", ["https://h/T0KEN", "T0KEN", "env:", "env:A B T0KEN", "file:T0KEN"])
def test_secret_itself_is_refused_and_not_quoted(kind: str, key: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        settings.parse(tomllib.loads(table_of(kind, f'{key} = "{value}"'))["alerts"])
    assert f"alerts[0].{key}" in dict(caught.value.problems)
    assert "T0KEN" not in str(caught.value)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        ('cooldown = "tomorrow"', "cooldown"),
        ("cooldown = 3", "cooldown"),
        ('cooldown = "P9999999999999D"', "cooldown"),
        ('cooldown = "P400D"', "cooldown"),
        ('quiet_hours = "25:00-07:00"', "quiet_hours"),
        ('quiet_hours = "07:00-07:00"', "quiet_hours"),
        ('time_zone = "Mars/Olympus"', "time_zone"),
        ('time_zone = "../../etc/passwd"', "time_zone"),
        ('quiet_except = "error"', "quiet_hours"),
        ('name = "A/.."', "name"),
        ('on = ["new", "old"]', "on"),
        ('template = "{"', "template"),
        ("""template = '{"a": "${nothing}"}'""", "template"),
        ('headers = { "A B" = "env:X" }', "headers"),
        ('headers = { Authorization = "Bearer T0KEN" }', "headers"),
    ],
)
def test_wrong_value_is_a_problem_of_its_key(keys: str, key: str) -> None:
    text = table_of("webhook", 'url = "env:U"\n' + keys)
    if "name" in keys:
        text = text.replace('name = "a"\n', "")
    noted = problems(text)
    assert f"alerts[0].{key}" in noted
    assert "T0KEN" not in str(noted)


def test_password_is_not_sent_in_the_open() -> None:
    mail = (
        'host = "mail.example.com"\nfrom = "a@b.c"\nto = ["a@b.c"]\nuser = "u"\npassword = "env:P"\n'
        'security = "none"'
    )
    assert set(problems(table_of("email", mail))) == {"alerts[0].security"}
    assert problems(table_of("pagerduty", 'routing_key = "env:K"\nurl = "http://events.example"'))


@pytest.mark.parametrize("tables", [None, {"name": "a"}, [1], [{"name": "a"}] * 101, "alerts"])
def test_what_is_no_list_of_tables_is_a_problem(tables: Any) -> None:
    with pytest.raises(SettingsError):
        settings.parse(tables)


def test_quiet_hours_go_past_midnight_in_their_zone() -> None:
    hours = quiet_hours.parse("22:00-07:00")
    at = dt.datetime(2026, 12, 1, tzinfo=dt.UTC)
    assert [hours.contain(at.replace(hour=hour)) for hour in (21, 22, 0, 6, 7)] == [
        False,
        True,
        True,
        True,
        False,
    ]
    berlin = quiet_hours.QuietHours(dt.time(12), dt.time(13), quiet_hours.parse_zone("Europe/Berlin"))
    assert [berlin.contain(at.replace(hour=hour)) for hour in (10, 11, 12)] == [False, True, False]
