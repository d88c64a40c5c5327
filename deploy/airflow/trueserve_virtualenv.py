"""Every night: yesterday's requests, compared with the baseline by the command in a virtualenv of its own.

Airflow's environment and trueserve's are two: no package of one meets one of the other. A window that is
clean is green, one with skew is red, and one in which nothing was examined is skipped. Only what may go
better the second time is tried again: input that is not there yet, or a job that failed (exit code 3).

Set these as environment variables of the workers, or change the constants.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
from typing import Any

from airflow.sdk import dag, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.timetables.interval import CronDataIntervalTimetable

TRUESERVE = os.environ.get("TRUESERVE", "/opt/trueserve/bin/trueserve")
BASELINE = os.environ.get("TRUESERVE_BASELINE", "/srv/trueserve/baseline")
LOGS = os.environ.get("TRUESERVE_LOGS", "/srv/requests/%Y-%m-%d*")
OUTPUT = os.environ.get("TRUESERVE_OUTPUT", "/srv/trueserve/skew")
FIRST_DAY = os.environ.get("TRUESERVE_FIRST_DAY", "2026-01-01")

SKEW, WRONG_USAGE, FAILED, NOTHING_EXAMINED = 1, 2, 3, 4


@dag(
    dag_id="trueserve_virtualenv",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=dt.datetime.fromisoformat(FIRST_DAY).replace(tzinfo=dt.UTC),
    catchup=True,  # the nights since FIRST_DAY that have no run yet, and the gaps that an outage left
    max_active_runs=1,  # a night is compared with the one before it, so they go one after the other
    default_args={"retries": 2, "retry_delay": dt.timedelta(minutes=30)},
    tags=["trueserve"],
)
def nightly() -> None:
    @task(execution_timeout=dt.timedelta(hours=4))
    def validate() -> dict[str, Any]:
        """The summary of the verdict, for whoever comes after it in the DAG."""
        context = get_current_context()
        start, end = context["data_interval_start"], context["data_interval_end"]
        flags = [f"--baseline={BASELINE}", f"--logs={LOGS}", f"--output={OUTPUT}"]
        flags += [f"--start={start.isoformat()}", f"--end={end.isoformat()}"]
        code, summary = _run([TRUESERVE, "validate", *flags, "--json"])
        _raise_for(code, summary)
        return summary

    validate()


def _run(command: list[str]) -> tuple[int, dict[str, Any]]:
    """The exit code, and the object that `--json` prints; all other lines go to standard error."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            text, _ = process.communicate()
        except BaseException:
            process.terminate()  # the command ends all that it has started
            raise
    print(text)
    return process.returncode, json.loads(text) if text.startswith("{") else {}


def _raise_for(code: int, summary: dict[str, Any]) -> None:
    """What each exit code is to Airflow."""
    report = summary.get("report", OUTPUT)
    if code == SKEW:
        raise AirflowFailException(f"skew: the report is {report}")
    if code == WRONG_USAGE:
        raise AirflowFailException("wrong usage or configuration: the reason is in the log above")
    if code == NOTHING_EXAMINED:
        raise AirflowSkipException("nothing, or too little, was examined: the reason is in the log above")
    if code != 0:
        raise AirflowException(f"the input or the job failed with exit code {code}: it is tried again")


nightly()
