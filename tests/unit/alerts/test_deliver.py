"""Which alerts follow from verdicts, night by night, and what the next night knows of the last."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

from support.alerts import CARRIER, incident, moment, night, recording, verdict

from trueserve.transforms.alerts.context import Window
from trueserve.transforms.alerts.deliver import deliver, delivered_through

Json = dict[str, Any]


def test_incident_is_alerted_when_it_begins_gets_worse_and_ends(tmp_path: Path) -> None:
    settings, recorder = recording()
    for day, state in enumerate(["new", "ongoing", "worse", "ongoing", "better", "resolved"], 1):
        night(tmp_path, settings, day, incident(state))
    night(tmp_path, settings, 7)
    assert recorder.events == [("new", CARRIER), ("worse", CARRIER), ("resolved", CARRIER)]
    assert [message.severity for message in recorder.messages] == ["error", "error", "info"]


def test_words_are_those_of_the_console_and_the_page(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 1, incident(), page_url="https://pages.example/skew/", series="flights")
    (message,) = recorder.messages
    assert message.title == "flights: error, new: carrier is served otherwise"
    assert message.events[0].details == "40.0 % apart (limit 2.50 %), 3 findings. Serve it as in training."
    run = "20261101T030000Z.000001-1f3a5c7e-0123456789ab"
    assert message.link == f"https://pages.example/skew/runs/{run}/report.html"


def test_rerun_of_a_window_alerts_nothing_twice(tmp_path: Path) -> None:
    settings, recorder = recording()
    for _ in range(3):
        night(tmp_path, settings, 1, incident())
    for _ in range(3):
        night(tmp_path, settings, 2, incident("worse"))
    for _ in range(3):
        night(tmp_path, settings, 3, incident("resolved"))
    assert recorder.events == [("new", CARRIER), ("worse", CARRIER), ("resolved", CARRIER)]


def test_rerun_of_an_old_day_neither_opens_nor_ends_anything(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 5, incident(first_day=5))
    before = (tmp_path / "alerts" / "night.json").read_bytes()
    night(tmp_path, settings, 2, incident("resolved"), incident(identity="fare-77aa01"))
    night(tmp_path, settings, 3)
    night(tmp_path, settings, 3, outcome="failed")
    assert recorder.events == [("new", CARRIER)]
    assert (tmp_path / "alerts" / "night.json").read_bytes() == before


def test_incident_whose_first_alert_was_lost_is_announced_by_the_next_window(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 2, incident("ongoing"))
    assert recorder.events == [("new", CARRIER)]
    assert "ongoing since 2026-11-01" in recorder.messages[0].title


def test_incident_that_ended_unseen_ends_with_the_next_window(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 1, incident())
    night(tmp_path, settings, 3)
    night(tmp_path, settings, 4)
    assert recorder.events == [("new", CARRIER), ("resolved", CARRIER)]


def test_window_of_another_length_ends_nothing(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 1, incident())
    hour = verdict(2, length=dt.timedelta(hours=1))
    deliver(str(tmp_path), [hour], [settings], moment(2))
    assert recorder.events == [("new", CARRIER)]


def test_windows_of_a_day_and_of_an_hour_do_not_make_one_another_old(tmp_path: Path) -> None:
    settings, recorder = recording()
    hour = verdict(2, length=dt.timedelta(hours=1))
    deliver(str(tmp_path), [hour], [settings], moment(2))
    night(tmp_path, settings, 1, incident())
    assert recorder.events == [("new", CARRIER)]
    assert delivered_through(str(tmp_path), [settings]) == moment(1, hour=0)


def test_what_was_not_compared_has_not_ended(tmp_path: Path) -> None:
    settings, recorder = recording()
    night(tmp_path, settings, 1, incident())
    night(tmp_path, settings, 2, incident("not_compared"))
    night(tmp_path, settings, 3, outcome="not_examined")
    assert recorder.events[:1] == [("new", CARRIER)]
    assert ("resolved", CARRIER) not in recorder.events


def test_documents_of_several_windows_come_in_any_order(tmp_path: Path) -> None:
    settings, recorder = recording()
    documents = [verdict(3, incident("resolved")), verdict(1, incident()), verdict(2, incident("worse"))]
    deliver(str(tmp_path), documents, [settings], moment(3))
    assert recorder.events == [("new", CARRIER), ("worse", CARRIER), ("resolved", CARRIER)]
    assert delivered_through(str(tmp_path), [settings]) == moment(3, hour=0)


def test_mild_and_accepted_incidents_are_left_alone(tmp_path: Path) -> None:
    settings, recorder = recording()
    accepted = {"until": "2026-12-24", "is_valid": True}
    night(
        tmp_path,
        settings,
        1,
        incident(severity="warning"),
        incident(identity="fare-77aa01", acknowledged=accepted),
    )
    assert recorder.events == []
    # Severer, and no longer accepted: now they are news.
    expired = {**accepted, "is_valid": False}
    night(
        tmp_path,
        settings,
        2,
        incident("worse"),
        incident("ongoing", identity="fare-77aa01", acknowledged=expired),
    )
    assert recorder.events == [("new", CARRIER), ("new", "fare-77aa01")]


def test_only_what_is_asked_for_is_sent(tmp_path: Path) -> None:
    settings, recorder = recording(kinds=frozenset({"worse"}))
    for day, state in enumerate(["new", "worse", "resolved"], 1):
        night(tmp_path, settings, day, incident(state))
    night(tmp_path, settings, 4, outcome="failed")
    assert recorder.events == [("worse", CARRIER)]


def test_failed_run_is_alerted_once_and_recovers_once(tmp_path: Path) -> None:
    settings, recorder = recording()
    for _ in range(2):
        night(tmp_path, settings, 1, outcome="failed")
    night(tmp_path, settings, 2, outcome="ok")
    # The rerun of the first day, which is an old one by now, ends its own failure.
    for _ in range(2):
        night(tmp_path, settings, 1, outcome="ok")
    subject = "run:2026-11-01T00:00:00Z/2026-11-02T00:00:00Z"
    assert recorder.events == [("failed", subject), ("recovered", subject)]


def test_missing_window_is_alerted_once_and_recovers(tmp_path: Path) -> None:
    settings, recorder = recording()
    gap = Window(moment(1, 0), moment(2, 0))
    for _ in range(2):
        night(tmp_path, settings, 3, missing=[gap], outcome="ok")
    night(tmp_path, settings, 2, outcome="ok")
    assert [kind for kind, _ in recorder.events] == ["missing", "recovered"]
    assert "no verdict of 2026-11-02 up to 2026-11-03, UTC" in recorder.messages[0].title


def test_events_of_a_window_are_one_message_or_single_ones(tmp_path: Path) -> None:
    for name, is_grouped, count in (("grouped", True, 1), ("single", False, 2)):
        settings, recorder = recording(name=name, is_grouped=is_grouped)
        night(tmp_path, settings, 1, incident(), incident(identity="fare-77aa01"))
        assert len(recorder.messages) == count
        assert len({message.id for message in recorder.messages}) == count


def test_ledger_that_is_none_sends_nothing_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "alerts" / "night.json"
    path.parent.mkdir()
    for content in (
        b"",
        b"[]",
        b'{"format": 2}',
        b'{"format": 1, "messages": [{}]}',
        b"\xff",
        b"[" * 100_000,
    ):
        path.write_bytes(content)
        settings, recorder = recording()
        (report,) = deliver(str(tmp_path), [verdict(1, incident())], [settings], moment(1))
        assert "is not what trueserve writes" in report.problems[0]
        assert (recorder.messages, path.read_bytes()) == ([], content)


def test_malformed_documents_and_incidents_hide_nothing(tmp_path: Path) -> None:
    settings, recorder = recording()
    untitled = {**incident(identity="b-000000"), "title": 3}
    broken: list[Any] = [{"id": 1}, untitled, [], incident(severity="dire")]
    documents: list[Any] = [{}, [], {"window": {"start": "x", "end": None}}, verdict(1, *broken, incident())]
    (report,) = deliver(str(tmp_path), documents, [settings], moment(1))
    assert recorder.events == [("new", CARRIER)]
    assert report.problems == ("a document that is no verdict was left out",) * 3
