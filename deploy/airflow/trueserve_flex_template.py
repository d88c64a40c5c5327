"""Every night: yesterday's requests, compared with the baseline on Dataflow, from a Flex Template.

The first task starts the job and waits for it. A job that has published is a success to Dataflow, whatever it
found. So the second task reads the verdict of this very window: clean is green, skew is red, and a window in
which nothing was examined is skipped.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Mapping
from typing import Any

from airflow.providers.google.cloud.hooks.gcs import GCSHook
from airflow.providers.google.cloud.operators.dataflow import DataflowStartFlexTemplateOperator
from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException
from airflow.timetables.interval import CronDataIntervalTimetable

PROJECT = os.environ.get("TRUESERVE_PROJECT", "my-project")
REGION = os.environ.get("TRUESERVE_REGION", "europe-west1")
BUCKET = os.environ.get("TRUESERVE_BUCKET", "my-bucket")
IMAGE = os.environ.get("TRUESERVE_WORKER_IMAGE", f"{REGION}-docker.pkg.dev/{PROJECT}/trueserve/worker:0.1.0")
FIRST_DAY = os.environ.get("TRUESERVE_FIRST_DAY", "2026-01-01")

OUTPUT = "skew"  # in the bucket
VERDICTS = (f"{OUTPUT}/verdict.json", f"{OUTPUT}/failed/verdict.json")
SKEW, FAILED, NOTHING_EXAMINED = 1, 3, 4


def verdict_of(
    documents: list[Mapping[str, Any] | None], start: dt.datetime, end: dt.datetime
) -> Mapping[str, Any]:
    """The first of the documents that is of this window. Raises AirflowException where none is."""
    for document in documents:
        window = (document or {}).get("window") or {}
        bounds = [dt.datetime.fromisoformat(window[key]) for key in ("start", "end") if window.get(key)]
        if document is not None and bounds == [start, end]:
            return document
    raise AirflowException(f"no verdict of {start} to {end} below gs://{BUCKET}/{OUTPUT}: see the job's log")


def raise_for(code: int) -> None:
    """What each exit code of a verdict is to Airflow."""
    if code == SKEW:
        raise AirflowFailException(f"skew: the report is gs://{BUCKET}/{OUTPUT}/report.html")
    if code == NOTHING_EXAMINED:
        raise AirflowSkipException("nothing, or too little, was examined")
    if code != 0:
        raise AirflowFailException(f"the input failed: see gs://{BUCKET}/{OUTPUT}/failed/report.html")


with DAG(
    dag_id="trueserve_flex_template",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=dt.datetime.fromisoformat(FIRST_DAY).replace(tzinfo=dt.UTC),
    catchup=True,  # the nights since FIRST_DAY that have no run yet, and the gaps that an outage left
    max_active_runs=1,  # a night is compared with the one before it, so they go one after the other
    tags=["trueserve"],
) as nightly:
    start_job = DataflowStartFlexTemplateOperator(
        task_id="start_job",
        project_id=PROJECT,
        location=REGION,
        wait_until_finished=True,
        retries=1,
        retry_delay=dt.timedelta(minutes=30),
        body={
            "launchParameter": {
                "jobName": "trueserve-{{ data_interval_start.strftime('%Y%m%d') }}",
                "containerSpecGcsPath": f"gs://{BUCKET}/templates/trueserve-validate.json",
                "parameters": {
                    "baseline": f"gs://{BUCKET}/baseline",
                    "logs": f"gs://{BUCKET}/requests/%Y-%m-%d*",
                    "output": f"gs://{BUCKET}/{OUTPUT}",
                    "start": "{{ data_interval_start.isoformat() }}",
                    "end": "{{ data_interval_end.isoformat() }}",
                    "sdk_container_image": IMAGE,
                    "sdk_location": "container",
                },
                "environment": {
                    "tempLocation": f"gs://{BUCKET}/tmp",
                    "stagingLocation": f"gs://{BUCKET}/staging",
                },
            }
        },
    )

    @task(retries=2)
    def judge() -> dict[str, Any]:
        """The verdict in short, for whoever comes after it in the DAG."""
        context, hook = get_current_context(), GCSHook()
        documents = [
            json.loads(hook.download(BUCKET, name)) if hook.exists(BUCKET, name) else None
            for name in VERDICTS
        ]
        document = verdict_of(documents, context["data_interval_start"], context["data_interval_end"])
        raise_for(document["exit_code"])
        return {key: document[key] for key in ("verdict", "exit_code", "window", "counts")}

    start_job >> judge()
