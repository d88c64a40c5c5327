"""A job that delivers alerts night by night and is killed, for the tests of what the next one sends."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable

from trueserve.transforms.alerts import deliver
from trueserve.transforms.alerts import ledger as ledgers
from trueserve.transforms.alerts.ledger import Ledger
from trueserve.transforms.alerts.receivers.webhook import Webhook
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.settings import AlertSettings

from .alerts import incident, moment, verdict

_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["support.alert_kills"])
HOOK = AlertSettings("hook", Webhook(Secret("env:HOOK")))


def states(days: int, planted: int, mended: int) -> dict[int, str]:
    """The state of one incident in each window that lists it, from a day until another."""
    return {
        day: "new" if day == planted else "resolved" if day == mended else "ongoing"
        for day in range(planted, mended + 1)
        if day <= days
    }


def deliver_nights(output: str, url: str, days: int, planted: int, mended: int) -> None:
    """Delivers each day that was not delivered, as `backfill` does; days before are delivered no more."""
    listed = states(days, planted, mended)
    through = deliver.delivered_through(output, [HOOK])
    for day in range(1, days + 1):
        if through is not None and moment(day, hour=0) < through:
            continue
        incidents = [incident(listed[day], first_day=planted)] if day in listed else []
        document = verdict(day, *incidents)
        deliver.deliver(output, [document], [HOOK], moment(day), environment={"HOOK": url})


def deliver_and_die(output: str, url: str, days: int, planted: int, mended: int, writes: int) -> None:
    """Likewise, and is killed before write number `writes` (from 0) of its ledger."""
    done, write = 0, ledgers.write

    def count(output: str, name: str, ledger: Ledger) -> None:
        nonlocal done
        if done == writes:
            os.kill(os.getpid(), signal.SIGKILL)
        done += 1
        write(output, name, ledger)

    ledgers.write = count
    deliver_nights(output, url, days, planted, mended)


def exit_code(target: Callable[..., None], *arguments: object) -> int | None:
    """Runs `target` in a process of its own; -9 means that it was killed."""
    process = _PROCESSES.Process(target=target, args=arguments)
    process.start()
    process.join(60)
    return process.exitcode
