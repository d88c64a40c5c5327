"""Every night: yesterday's requests, compared with the baseline in a container on Kubernetes.

A window that is clean is green, one with skew is red, and one in which nothing was examined is skipped. The
container writes the summary of the verdict where Airflow looks for a result. It runs without root, writes to
nothing but two folders in memory, and has no token of the cluster.
"""

from __future__ import annotations

import datetime as dt
import os

from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import DAG
from airflow.timetables.interval import CronDataIntervalTimetable
from kubernetes.client import models as k8s

IMAGE = os.environ.get("TRUESERVE_IMAGE", "registry.example.com/trueserve:0.1.0")
NAMESPACE = os.environ.get("TRUESERVE_NAMESPACE", "trueserve")
BASELINE = os.environ.get("TRUESERVE_BASELINE", "gs://my-bucket/baseline")
LOGS = os.environ.get("TRUESERVE_LOGS", "gs://my-bucket/requests/%Y-%m-%d*")
OUTPUT = os.environ.get("TRUESERVE_OUTPUT", "gs://my-bucket/skew")
FIRST_DAY = os.environ.get("TRUESERVE_FIRST_DAY", "2026-01-01")

NOTHING_EXAMINED = 4
#: Airflow's sidecar reads the result there. With `--json` all other lines go to standard error.
TO_AIRFLOW = 'exec trueserve "$@" --json > /airflow/xcom/return.json'
FOLDERS = {"tmp": "/tmp", "home": "/home/trueserve"}

with DAG(
    dag_id="trueserve_kubernetes",
    schedule=CronDataIntervalTimetable("0 0 * * *", timezone="UTC"),
    start_date=dt.datetime.fromisoformat(FIRST_DAY).replace(tzinfo=dt.UTC),
    catchup=True,  # the nights since FIRST_DAY that have no run yet, and the gaps that an outage left
    max_active_runs=1,  # a night is compared with the one before it, so they go one after the other
    tags=["trueserve"],
) as nightly:
    validate = KubernetesPodOperator(
        task_id="validate",
        name="trueserve-validate",
        namespace=NAMESPACE,
        image=IMAGE,
        cmds=["/bin/sh", "-c", TO_AIRFLOW, "trueserve"],
        arguments=[
            "validate",
            f"--baseline={BASELINE}",
            f"--logs={LOGS}",
            f"--output={OUTPUT}",
            "--start={{ data_interval_start.isoformat() }}",
            "--end={{ data_interval_end.isoformat() }}",
        ],
        do_xcom_push=True,
        skip_on_exit_code=NOTHING_EXAMINED,
        # Skew is not less at the second try. Airflow cannot try again for one exit code and not for another.
        retries=0,
        automount_service_account_token=False,
        on_finish_action="delete_pod",
        execution_timeout=dt.timedelta(hours=4),
        container_resources=k8s.V1ResourceRequirements(
            requests={"cpu": "1", "memory": "2Gi"}, limits={"cpu": "2", "memory": "4Gi"}
        ),
        security_context={"runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001},
        container_security_context={
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        volumes=[
            k8s.V1Volume(name=name, empty_dir=k8s.V1EmptyDirVolumeSource(size_limit="1Gi"))
            for name in FOLDERS
        ],
        volume_mounts=[k8s.V1VolumeMount(name=name, mount_path=path) for name, path in FOLDERS.items()],
    )
