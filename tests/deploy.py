"""`make deploy-test`: what is in deploy/, tried with the programs that would run it, as far as they run here.

A real Airflow runs a DAG on past days. kubeconform reads the manifests, and the pod that a DAG makes. systemd
reads its units. The scripts of the image are run in a root of Debian 13. It installs some 6 GB below
TRUESERVE_DEPLOY_ROOT, once. No cluster, no container engine and no Dataflow is there: docs/first_week.md says
what was never run.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from support import deployed, e2e, image_root
from support.deployed import Airflow, CannotRunError
from support.repo import ROOT

from trueserve.pipelines import cli

#: Requests come two a minute.
ROWS_OF_A_DAY = 24 * 60 * 2
DEPLOY = ROOT / "deploy"
#: Enough for Airflow to make a pod, which nobody gets.
NO_CLUSTER = {
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {}}],
    "current-context": "none",
}
WEEK = ("2013-07-02", "success"), ("2013-07-03", "failed"), ("2013-07-04", "skipped")


def airflow_in_a_virtualenv(folder: Path) -> None:
    """Green for the clean first day, red for the second in kilometres, skipped for the third without any."""
    settings = _two_days(folder) | {"TRUESERVE": str(_command(folder)), "TRUESERVE_FIRST_DAY": "2013-07-01"}
    airflow = Airflow(folder / "airflow", settings)
    for day, state in WEEK:
        came, text = airflow.test("trueserve_virtualenv", day)
        assert came == state, f"{day}: expected {state}, got {came}\n{text[-6000:]}"
    report = folder / "skew" / "verdict.json"
    assert '"verdict": "not_examined"' in report.read_text()


def airflow_on_kubernetes(folder: Path) -> None:
    """The pod that the DAG makes, with the sidecar that brings the result back."""
    config = folder / "kubeconfig.json"
    config.write_text(json.dumps(NO_CLUSTER))
    airflow = Airflow(folder / "airflow", {"KUBECONFIG": str(config)})
    plain = "__import__('kubernetes').client.ApiClient().sanitize_for_serialization"
    pod = airflow.evaluated("trueserve_kubernetes", f"{plain}(validate.build_pod_request_obj())")
    assert (complaint := deployed.kubeconform(json.dumps(pod))) == "", complaint
    (container,) = (each for each in pod["spec"]["containers"] if each["name"] == "base")
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert pod["spec"]["automountServiceAccountToken"] is False


def airflow_on_dataflow(folder: Path) -> None:
    """The job's parameters are those of the template, and the verdict that is read is that of the window."""
    airflow = Airflow(folder / "airflow", {})
    body = airflow.evaluated("trueserve_flex_template", "start_job.body")["launchParameter"]
    metadata = json.loads((DEPLOY / "dataflow" / "metadata.json").read_text())
    assert body["parameters"].keys() <= {parameter["name"] for parameter in metadata["parameters"]}
    day = "dt.datetime(2013, 7, 1, tzinfo=dt.UTC), dt.datetime(2013, 7, 2, tzinfo=dt.UTC)"
    mine = {"window": {"start": "2013-07-01T00:00:00Z", "end": "2013-07-02T00:00:00Z"}, "exit_code": 1}
    older = {"window": {"start": "2013-06-30T00:00:00Z", "end": "2013-07-01T00:00:00Z"}, "exit_code": 0}
    found_code = airflow.evaluated(
        "trueserve_flex_template", f"verdict_of([None, {older}, {mine}], {day})['exit_code']"
    )
    assert found_code == 1


def kubernetes(folder: Path) -> None:
    text = (DEPLOY / "kubernetes" / "trueserve.yaml").read_text()
    assert (complaint := deployed.kubeconform(text)) == "", complaint
    # And it would say so.
    assert "concurrencyPolicy" in deployed.kubeconform(text.replace("Policy: Forbid", "Policy: 3"))
    assert "backofLimit" in deployed.kubeconform(text.replace("backoffLimit", "backofLimit"))


def systemd(folder: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        raise CannotRunError("systemd-analyze is not on PATH")
    for unit in ("service", "timer"):
        text = (DEPLOY / "systemd" / f"trueserve@.{unit}").read_text()
        text = text.replace("/opt/trueserve/bin/trueserve", sys.executable).replace(
            "User=trueserve", "User=root"
        )
        (folder / f"trueserve@flights.{unit}").write_text(text)
    units = [str(folder / f"trueserve@flights.{unit}") for unit in ("service", "timer")]
    done = deployed.run(["systemd-analyze", "verify", "--man=no", *units])
    assert (done.returncode, done.stderr) == (0, "")


def cron(folder: Path) -> None:
    """No mail for a clean window; else a mail with the exit code and the command's own lines."""
    (line,) = (
        each for each in (DEPLOY / "cron" / "trueserve").read_text().splitlines() if each[:1].isdigit()
    )
    *_, command = line.split(maxsplit=6)
    program = folder / "trueserve"
    command = command.replace("/opt/trueserve/bin/trueserve", str(program))
    for code, printed in ((0, ""), (1, "exit code 1\nskew: a moved\n")):
        program.write_text(f"#!/bin/sh\necho skew: a moved >&2\nexit {code}\n")
        program.chmod(0o755)
        assert deployed.run(["sh", "-c", command]).stdout == printed


def image(folder: Path) -> None:
    """The scripts of the image, and the command as its user, which can write to the given folders alone."""
    root = image_root.built()
    settings = _two_days(folder)
    done = image_root.run(
        root, folder, ["validate", *_flags(settings), "--start=2013-07-01", "--end=2013-07-02"]
    )
    assert done.returncode == 0, done.stderr
    done = image_root.run(root, folder, ["warm_up", "--check"])
    assert done.returncode == 0, done.stdout


def _two_days(folder: Path) -> dict[str, str]:
    """A baseline, and a log of a clean day and of one in kilometres, as the DAG's environment names them."""
    (folder / "features.py").write_text(e2e.FEW_FEATURES)
    examples = e2e.write_examples(folder / "training", e2e.rides(6000, 1), (3000,))
    requests = e2e.requests(e2e.rides(2 * ROWS_OF_A_DAY, 2))
    rows = [*requests[:ROWS_OF_A_DAY], *e2e.in_kilometres(requests[ROWS_OF_A_DAY:])]
    logs = e2e.write_logs(folder / "logs", rows, (ROWS_OF_A_DAY,), 1)
    flags = [f"--examples={examples}", f"--preprocessing={folder / 'features.py'}", f"--label={e2e.LABEL}"]
    assert cli.main(["prepare", *flags, f"--baseline={folder / 'baseline'}"]) == 0
    paths = {"BASELINE": folder / "baseline", "LOGS": logs, "OUTPUT": folder / "skew"}
    return {f"TRUESERVE_{name}": str(path) for name, path in paths.items()}


def _flags(settings: Mapping[str, str]) -> list[str]:
    return [f"--{name}={settings[f'TRUESERVE_{name.upper()}']}" for name in ("baseline", "logs", "output")]


def _command(folder: Path) -> Path:
    """This checkout's command, as a program that needs no environment."""
    program = folder / "trueserve"
    start = "from trueserve.pipelines.cli import entry_point; entry_point()"
    program.write_text(f"#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -c '{start}' \"$@\"\n")
    program.chmod(0o755)
    return program


CASES: tuple[Callable[[Path], None], ...] = (
    systemd,
    cron,
    kubernetes,
    airflow_on_kubernetes,
    airflow_on_dataflow,
    airflow_in_a_virtualenv,
    image,
)


def main(argv: Sequence[str]) -> int:
    """Runs cases; 1 at the first that fails, 3 where the machine cannot do one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", help="parts of names of cases; default: all")
    parsed = parser.parse_args(argv)
    code = 0
    for case in CASES:
        if parsed.cases and not any(part in case.__name__ for part in parsed.cases):
            continue
        start = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="trueserve-deploy-") as folder:
            try:
                case(Path(folder))
                print(f"deploy-test: {case.__name__}: ok, {time.monotonic() - start:.0f} s", flush=True)
            except CannotRunError as error:
                print(f"deploy-test: {case.__name__}: not run: {error}", flush=True)
                code = 3
    return code


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    sys.exit(main(sys.argv[1:]))
