"""Processes that are killed while they deliver: each event arrives, and a repetition says that it is one."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

import pytest
from support.alert_kills import deliver_and_die, deliver_nights, exit_code
from support.alerts import CARRIER, Server, http_server

_KILLED = -9


def events(server: Server) -> list[tuple[str, str]]:
    return [(each["kind"], each["subject"]) for each in server.documents]


@pytest.mark.parametrize(("writes", "repeated"), [(0, False), (1, False), (2, True), (3, False)])
def test_event_is_sent_again_only_where_nobody_knows_whether_it_was(
    tmp_path: Path, writes: int, repeated: bool
) -> None:
    with http_server() as server:
        output = str(tmp_path)
        # One night: the event is written down, marked as being sent, sent, and marked as sent.
        killed = exit_code(deliver_and_die, output, server.url, 1, 1, 9, writes)
        assert killed == (_KILLED if writes < 3 else 0)
        deliver_nights(output, server.url, 1, 1, 9)
        assert events(server) == [("new", CARRIER)] * (2 if repeated else 1)
        assert len({each["id"] for each in server.documents}) == 1
        assert [each["is_repeat"] for each in server.documents] == ([False, True] if repeated else [False])
        # It is known from now on.
        deliver_nights(output, server.url, 1, 1, 9)
        assert len(server.documents) == (2 if repeated else 1)


def test_job_of_24_windows_that_is_killed_20_times_alerts_the_planted_fault_once(tmp_path: Path) -> None:
    randomness, kills = random.Random(4), 0
    with http_server() as server:
        arguments = (str(tmp_path), server.url, 24, 8, 15)
        while kills < 20:
            code = exit_code(deliver_and_die, *arguments, randomness.randint(1, 3))
            assert code in (0, _KILLED)
            kills += code == _KILLED
            if code == 0:
                break
        deliver_nights(*arguments)
        assert kills >= 10
        counts = Counter((each["id"], each["kind"]) for each in server.documents)
        assert sorted(kind for _, kind in counts) == ["new", "resolved"]
        again = [each for each in server.documents if not each["is_repeat"]]
        assert events_of(again) == [("new", CARRIER), ("resolved", CARRIER)]


def events_of(documents: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(each["kind"], each["subject"]) for each in documents]
