"""OpenLineage: what a run read, what it wrote, which window it was about, and what each feature's test said.

The form is that of https://openlineage.io/spec/2-0-2/OpenLineage.json, with the facets that each name their
own schema. A run is two events, START and COMPLETE (or FAIL), with the same id.
"""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trueserve.transforms.alerts.transport import Pace, Request, in_attempts, post
from trueserve.transforms.files import file_systems, paths
from trueserve.transforms.metrics.families import Run
from trueserve.transforms.publish import formatting
from trueserve.transforms.runs.run_ids import VERDICT, attempt_of

PRODUCER = "https://pypi.org/project/trueserve"
_SPEC = "https://openlineage.io/spec"
_EVENT = f"{_SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent"
_ASSERTIONS = "DataQualityAssertionsDatasetFacet", "1-1-0"
_STATISTICS = "InputStatisticsInputDatasetFacet", "1-0-0"
_TESTS = "TestRunFacet", "1-0-1"
_NOMINAL_TIME = "NominalTimeRunFacet", "1-0-1"
_ERROR = "ErrorMessageRunFacet", "1-0-1"
_JOB_TYPE = "JobTypeJobFacet", "2-0-4"
_RUN_IDS = uuid.UUID("6f1e8a0e-5b1a-5a7e-9a55-0d2c1f6b7c33")
_LONGEST_NAME = 200
_SEVERITY = {"error": "error", "warning": "warn"}

Json = dict[str, Any]


def events(run: Run, inputs: Sequence[str], output: str, environment: Mapping[str, str]) -> tuple[Json, Json]:
    """START and COMPLETE of a run; FAIL in place of COMPLETE where it did not examine its window.

    Args:
      inputs: what was read: the logs first, then the baseline; patterns of files are named as they are.
      output: the folder of the series.
      environment: `OPENLINEAGE_NAMESPACE` is the job's namespace, `trueserve` without it.

    Raises KeyError, TypeError or ValueError where the document is no verdict.
    """
    last = "COMPLETE" if run.is_success else "FAIL"
    names = [*map(dataset_name, inputs)]
    plain: Json = {"inputs": names, "outputs": [dataset_name(paths.join(output, VERDICT))]}
    logs = [{**each, "inputFacets": _input_facets(run)} for each in names[:1]]
    final = {**plain, "inputs": [*logs, *names[1:]]}
    return (
        _event("START", run.started, run, environment, _nominal_time(run)) | plain,
        _event(last, run.finished, run, environment, _run_facets(run)) | final,
    )


def dataset_name(path: str) -> Json:
    """Namespace and name of a dataset, by OpenLineage's rules for files, buckets and BigQuery."""
    if file_systems.is_local(path):
        return {"namespace": "file", "name": str(Path(path).absolute())}
    if path.startswith("bq://"):
        return {"namespace": "bigquery", "name": path.removeprefix("bq://").replace(":", ".")}
    scheme, _, rest = path.partition("://")
    bucket, _, name = rest.partition("/")
    return {"namespace": f"{scheme}://{bucket}", "name": name or "/"}


def write(path: str, documents: Sequence[Json]) -> None:
    """Writes events as lines of JSON, all at once. Raises InputError where the file cannot be written."""
    paths.write_atomically(path, b"".join(_to_bytes(document) + b"\n" for document in documents))


def send(documents: Sequence[Json], environment: Mapping[str, str], pace: Pace | None = None) -> bool:
    """Sends events to `OPENLINEAGE_URL`, with `OPENLINEAGE_API_KEY` if there is one.

    Returns False if there is no URL. Raises DeliveryError, without URL and key, where one is not taken.
    """
    base = environment.get("OPENLINEAGE_URL")
    if not base:
        return False
    url = f"{base.rstrip('/')}/{environment.get('OPENLINEAGE_ENDPOINT', 'api/v1/lineage').lstrip('/')}"
    key, pace = environment.get("OPENLINEAGE_API_KEY", ""), pace or Pace()
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    # A user and a password of the URL are a secret; its path is none.
    hidden = [key, urlsplit(url).password or ""] if key else [urlsplit(url).password or ""]
    until = pace.monotonic() + pace.longest
    for document in documents:
        request = Request(url, _to_bytes(document), headers)
        in_attempts(lambda request=request: _post(request, hidden), pace, until)  # type: ignore[misc]
    return True


def _post(request: Request, hidden: Sequence[str]) -> None:
    post(request, [secret for secret in hidden if secret])


def _event(kind: str, time: dt.datetime, run: Run, environment: Mapping[str, str], facets: Json) -> Json:
    name = formatting.visible(run.series, _LONGEST_NAME)
    job_type = _facet(*_JOB_TYPE, processingType="BATCH", integration="TRUESERVE", jobType="JOB")
    return {
        "eventType": kind,
        "eventTime": time.isoformat(),
        "producer": PRODUCER,
        "schemaURL": _EVENT,
        "run": {"runId": run_id(run), "facets": facets},
        "job": {
            "namespace": environment.get("OPENLINEAGE_NAMESPACE") or "trueserve",
            "name": name,
            "facets": {"jobType": job_type},
        },
    }


def run_id(run: Run) -> str:
    """A UUID that is the same whenever this run's events are made."""
    name = attempt_of(run.document) or run.started.isoformat()
    return str(uuid.uuid5(_RUN_IDS, f"{run.series}\0{name}".encode("utf-8", "replace").decode()))


def _facet(name: str, version: str, **fields: Any) -> Json:
    url = f"{_SPEC}/facets/{version}/{name}.json#/$defs/{name}"
    return {"_producer": PRODUCER, "_schemaURL": url, **fields}


def _nominal_time(run: Run) -> Json:
    """The window; no facet for one without a start, which the facet must have."""
    window = run.document["window"]
    if window["start"] is None:
        return {}
    end = {} if window["end"] is None else {"nominalEndTime": window["end"]}
    return {"nominalTime": _facet(*_NOMINAL_TIME, nominalStartTime=window["start"], **end)}


def _run_facets(run: Run) -> Json:
    facets = {**_nominal_time(run), "test": _facet(*_TESTS, tests=[*_tests(run)])}
    if not run.is_success:
        message = formatting.visible(formatting.headline(run.document), 1_000)
        facets["errorMessage"] = _facet(*_ERROR, message=message, programmingLanguage="Python")
    return facets


def _input_facets(run: Run) -> Json:
    counts = run.document["counts"]
    return {
        "dataQualityAssertions": _facet(*_ASSERTIONS, assertions=[*_assertions(run)]),
        "inputStatistics": _facet(*_STATISTICS, rowCount=counts["read"]),
    }


def _assertions(run: Run) -> Iterator[Json]:
    """One for each raw feature whose values were compared: what was not compared has no success."""
    worst = _worst(run)
    for feature in _features(run):
        if feature["metric"] is not None and feature["space"] == "raw":
            severity = worst.get(("raw", feature["feature"]))
            yield {
                "assertion": feature["metric"],
                "success": severity is None,
                "column": formatting.visible(feature["feature"], _LONGEST_NAME),
                "severity": _SEVERITY[severity or "error"],
                **_numbers(feature),
            }


def _tests(run: Run) -> Iterator[Json]:
    """One for each feature of each space; `skip` where its values were not compared."""
    worst = _worst(run)
    for feature in _features(run):
        severity, metric = worst.get((feature["space"], feature["feature"])), feature["metric"]
        compared = "pass" if metric is not None else "skip"
        yield {
            "name": formatting.visible(f"{feature['space']}.{feature['feature']}", _LONGEST_NAME),
            "status": compared if severity is None else "fail",
            "severity": _SEVERITY[severity or "error"],
            **({} if metric is None else {"type": metric}),
            **_numbers(feature),
        }


def _features(run: Run) -> Sequence[Mapping[str, Any]]:
    return run.document.get("features", ()) if run.is_success else ()


def _numbers(feature: Mapping[str, Any]) -> Json:
    """The limit and the effect, as text."""
    effect, limit = feature["effect"], feature["least_effect"]
    expected = {} if limit is None else {"expected": f"< {limit:.4g}"}
    return expected if effect is None else {**expected, "actual": f"{effect:.4g}"}


def _worst(run: Run) -> dict[tuple[str, str], str]:
    """The worst severity, error or warning, of the findings of each feature."""
    worst: dict[tuple[str, str], str] = {}
    for finding in run.document["findings"]:
        key, severity = (finding["space"], finding["feature"]), finding["severity"]
        if severity in _SEVERITY and worst.get(key) != "error":
            worst[key] = severity
    return worst


def _to_bytes(document: Json) -> bytes:
    return json.dumps(document, ensure_ascii=False, allow_nan=False).encode("utf-8", "replace")
