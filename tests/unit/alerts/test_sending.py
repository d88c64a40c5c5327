"""When alerts are sent, what waits, and what becomes of those that cannot be delivered."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pytest
from support import alerts
from support.alerts import CARRIER, away, incident, moment, night, recording, verdict

from trueserve.transforms.alerts.deliver import deliver, delivered_through
from trueserve.transforms.alerts.quiet_hours import QuietHours
from trueserve.transforms.alerts.receivers.webhook import Webhook
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.settings import AlertSettings
from trueserve.transforms.core.errors import InputError

Json = dict[str, Any]


def test_flood_of_incidents_is_several_messages(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 1, *(incident(identity=f"f-{number:06x}") for number in range(250)))
    assert [len(message.events) for message in recorder.messages] == [100, 100, 50]
    assert len({message.id for message in recorder.messages}) == 3


def test_cooldown_holds_back_what_flutters_and_not_its_end(tmp_path: Path) -> None:
    settings, recorder = recording(cooldown=dt.timedelta(days=3))
    for day, state in enumerate(["new", "resolved", "new", "worse", "ongoing"], 1):
        night(tmp_path, settings, day, incident(state))
    kinds = [kind for kind, _ in recorder.events]
    assert kinds == ["new", "resolved", "new"]  # on day 4, when three days have passed
    assert "worse" in recorder.messages[-1].title


def test_worse_in_the_cooldown_is_said_after_it(tmp_path: Path) -> None:
    settings, recorder = recording(cooldown=dt.timedelta(days=2))
    for day, state in enumerate(["new", "worse", "ongoing", "ongoing"], 1):
        night(tmp_path, settings, day, incident(state))
    assert [kind for kind, _ in recorder.events] == ["new", "worse"]


def test_alerts_wait_for_the_end_of_the_quiet_hours(tmp_path: Path) -> None:
    quiet = QuietHours(dt.time(22), dt.time(7))
    settings, recorder = recording(quiet=quiet)
    assert night(tmp_path, settings, 1, incident()).waiting == 1
    assert recorder.messages == []
    report = deliver(str(tmp_path), [], [settings], moment(1, hour=7))[0]
    assert (report.sent, report.waiting) == (1, 0)
    assert recorder.events == [("new", CARRIER)]


def test_what_ends_while_its_beginning_waits_is_not_alerted(tmp_path: Path) -> None:
    settings, recorder = recording(quiet=QuietHours(dt.time(22), dt.time(7)))
    night(tmp_path, settings, 1, incident(), incident(identity="fare-77aa01"))
    night(tmp_path, settings, 2, incident("resolved"), incident("ongoing", identity="fare-77aa01"))
    deliver(str(tmp_path), [], [settings], moment(2, hour=8))
    assert recorder.events == [("new", "fare-77aa01")]


def test_what_is_loud_enough_does_not_wait(tmp_path: Path) -> None:
    settings, recorder = recording(
        quiet=QuietHours(dt.time(22), dt.time(7)), loud="error", severity="warning"
    )
    night(tmp_path, settings, 1, incident(severity="warning"))
    assert recorder.events == []
    night(tmp_path, settings, 2, incident("ongoing", severity="warning"), incident(identity="fare-77aa01"))
    assert recorder.events == [("new", "fare-77aa01")]


def test_server_that_fails_twice_gets_it_at_the_third_attempt(tmp_path: Path) -> None:
    clock = alerts.Clock()
    refusals = [(500, {}, b""), (503, {"Retry-After": "3"}, b"")]
    with alerts.http_server(*refusals) as server:
        settings = AlertSettings("hook", Webhook(Secret("env:HOOK")))
        report = night(tmp_path, settings, 1, incident(), environment={"HOOK": server.url}, pace=clock.pace())
    assert (report.sent, report.problems, clock.pauses) == (1, (), [1.0, 3.0])
    assert len({headers["Idempotency-Key"] for _, headers, _ in server.requests}) == 1
    assert len(server.requests) == 3


def test_dead_letter_is_sent_by_the_next_run_with_the_same_id(tmp_path: Path) -> None:
    clock = alerts.Clock()
    settings, recorder = recording(errors=[away()] * 4)
    report = night(tmp_path, settings, 1, incident(), pace=clock.pace())
    assert (report.sent, report.undelivered) == (0, 1)
    assert report.problems == ("the receiver answered HTTP 503",)
    assert clock.pauses == [1.0, 2.0, 4.0]
    (dead,) = json.loads((tmp_path / "alerts" / "night.json").read_bytes())["messages"]
    assert (dead["state"], dead["error"]) == ("undelivered", "the receiver answered HTTP 503")
    assert night(tmp_path, settings, 2, incident("ongoing"), pace=clock.pace()).sent == 1
    assert recorder.events == [("new", CARRIER)]
    assert recorder.messages[0].id == dead["id"]
    assert not recorder.messages[0].is_repeat


def test_receiver_that_is_away_is_asked_for_one_message_alone(tmp_path: Path) -> None:
    clock = alerts.Clock()
    settings, recorder = recording(is_grouped=False, errors=[away()] * 4)
    report = night(tmp_path, settings, 1, incident(), incident(identity="fare-77aa01"), pace=clock.pace())
    assert (report.undelivered, report.waiting, recorder.errors) == (1, 1, [])


@pytest.mark.parametrize("seconds", [30.0, 7200.0])
def test_receiver_is_given_the_time_that_it_asks_for(tmp_path: Path, seconds: float) -> None:
    clock = alerts.Clock()
    settings, recorder = recording(errors=[away(retry_after=seconds)])
    night(tmp_path, settings, 1, incident(), pace=clock.pace())
    assert (clock.pauses, len(recorder.messages)) == (([30.0], 1) if seconds == 30.0 else ([], 0))
    hours = (5, 6) if recorder.messages == [] else ()
    for hour in hours:
        recorder.messages.clear()
        deliver(str(tmp_path), [], [settings], moment(1, hour) - dt.timedelta(minutes=1), pace=clock.pace())
        assert len(recorder.messages) == (hour == 6)


def test_alert_that_fails_costs_neither_the_others_nor_the_run(tmp_path: Path) -> None:
    broken, _ = recording(name="broken", errors=[RuntimeError("https://hooks/T0KEN")])
    works, recorder = recording(name="works")
    reports = deliver(str(tmp_path), [verdict(1, incident())], [broken, works], moment(1))
    assert [report.sent for report in reports] == [0, 1]
    assert reports[0].problems == ("not sent: RuntimeError",)
    assert recorder.events == [("new", CARRIER)]


def test_ledger_with_times_that_cannot_be_is_named(tmp_path: Path) -> None:
    settings, _ = recording()
    night(tmp_path, settings, 1)
    path = tmp_path / "alerts" / "night.json"
    kept = json.loads(path.read_bytes())
    for length in ("nan", "inf", "1e300", "x"):
        path.write_text(json.dumps(kept | {"through": {length: "2026-11-02", "3600.0": "2026-11-02"}}))
        with pytest.raises(InputError, match="is not what trueserve writes"):
            delivered_through(str(tmp_path), [settings])
