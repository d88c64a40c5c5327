"""Whatever stands in a configuration, a verdict or a ledger: one clear error, or a report."""

from __future__ import annotations

import datetime as dt
import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from support.alerts import CARRIER, incident, moment, recording, verdict

from trueserve.transforms.alerts import settings as alert_settings
from trueserve.transforms.alerts.deliver import deliver
from trueserve.transforms.alerts.message import Event, Message
from trueserve.transforms.alerts.receivers import mail, pagerduty, pubsub, slack, teams, webhook
from trueserve.transforms.alerts.receivers.receiver import bounded, to_bytes
from trueserve.transforms.alerts.tables import SettingsError

TEXT = st.text(st.characters(exclude_categories=()), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT | st.dates(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
_KEYS = """
    name type url on severity group cooldown quiet_hours time_zone quiet_except routing_key headers template
    host port from to user password security topic
"""
KEYS = st.sampled_from(_KEYS.split())
TABLES = st.lists(
    st.dictionaries(KEYS, JSON | st.sampled_from(["slack", "email", "webhook", "env:X", "PT1H", "error"]))
)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(TABLES | JSON)
def test_configuration_is_taken_or_refused_with_its_problems(tables: Any) -> None:
    problems = _problems(tables)
    assert all(path.startswith("alerts") and "\n" not in text for path, text in problems or ())
    assert problems != ()


def _problems(tables: Any) -> tuple[tuple[str, str], ...] | None:
    """None where there are none."""
    try:
        alert_settings.parse(tables)
    except SettingsError as error:
        return error.problems
    return None


@settings(deadline=None, derandomize=True, max_examples=15)
@given(JSON, st.sampled_from([*verdict(1), "incidents"]), JSON, st.sampled_from([*incident()]))
def test_verdict_of_any_content_costs_nothing(value: Any, key: str, inner: Any, inner_key: str) -> None:
    broken = verdict(1, {**incident(identity="b-000000"), inner_key: inner}, incident()) | {key: value}
    alert, recorder = recording()
    with tempfile.TemporaryDirectory() as folder:
        (report,) = deliver(folder, [broken, value, verdict(2, incident())], [alert], moment(2))
        assert report.undelivered == 0
        # The second window is as ever, whatever came before.
        assert (CARRIER in {subject for _, subject in recorder.events}) or report.problems


@settings(deadline=None, derandomize=True, max_examples=15)
@given(JSON, st.sampled_from(["through", "keys", "incidents", "runs", "messages", "dropped", "format"]))
def test_ledger_of_any_content_is_taken_or_named(value: Any, key: str) -> None:
    alert, _ = recording()
    with tempfile.TemporaryDirectory() as folder:
        deliver(folder, [verdict(1, incident())], [alert], moment(1))
        path = Path(folder) / "alerts" / "night.json"
        kept = json.loads(path.read_bytes())
        path.write_text(json.dumps(kept | {key: value}, default=str))
        (report,) = deliver(folder, [verdict(2, incident("worse"))], [alert], moment(2))
        assert report.sent or report.problems


@settings(deadline=None, derandomize=True, max_examples=80)
@given(TEXT, TEXT, TEXT, st.sampled_from(["new", "resolved", "failed"]), st.booleans())
def test_payloads_are_good_json_and_mail(title: str, details: str, link: str, kind: str, again: bool) -> None:
    event = Event("k", kind, "s", "error", title, details, None, dt.date.min.isoformat(), None, link)
    message = Message("0" * 24, title, "night", (event,) * 3, again)
    for payload in (slack.payload, webhook.payload, pubsub.payload, lambda m: pagerduty.payload(m, "k")):
        assert json.loads(to_bytes(payload(message)).decode())
    assert len(bounded(message, teams.payload, 27_000)) <= 27_000
    assert b"\r\n\r\n" in mail.letter(message, "a@b.c", ("d@e.f",)).as_bytes()
