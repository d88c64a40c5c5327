"""Tools for `make deploy-test`, each installed once below a folder of its own, and what they say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from support.repo import ROOT

TOOLS = Path(os.environ.get("TRUESERVE_DEPLOY_ROOT", "/var/cache/trueserve/deploy"))
KUBECONFORM = "github.com/yannh/kubeconform/cmd/kubeconform@v0.6.7"
SCHEMAS, KUBERNETES = "kubernetes-validate==1.37.0", "v1.36.0"
#: What the manifests and the DAG make.
KINDS = ("cronjob-batch-v1", "configmap-v1", "namespace-v1", "serviceaccount-v1", "pod-v1")


class CannotRunError(Exception):
    """This machine lacks something; the message says what."""


def run(
    command: Sequence[str], env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """A program's end. Its environment has nothing of the checkout's own Python."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    return subprocess.run(
        command, env={**environment, **(env or {})}, input=stdin, capture_output=True, text=True, check=False
    )


def _checked(command: Sequence[str], what: str, env: Mapping[str, str] | None = None) -> None:
    done = run(command, env)
    if done.returncode:
        raise CannotRunError(f"{what} cannot be installed: {done.stderr.strip()[-300:]}")


def environment(name: str, requirements: Sequence[str]) -> Path:
    """The `bin` of a virtualenv with these requirements and nothing else."""
    folder, wanted = TOOLS / name, "\n".join(requirements)
    stamp = folder / "installed"
    if not (stamp.is_file() and stamp.read_text() == wanted):
        _checked([sys.executable, "-m", "venv", "--clear", str(folder)], name)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--no-deps", *requirements]
        _checked(pip, name)
        stamp.write_text(wanted)
    return folder / "bin"


def airflow() -> Path:
    """The `bin` of Airflow's virtualenv."""
    pins = (ROOT / "deploy" / "airflow" / "tested.txt").read_text(encoding="utf-8").splitlines()
    return environment("airflow", [pin for pin in pins if pin and not pin.startswith("#")])


class Airflow:
    """An Airflow with a database of its own, and the DAGs of `deploy/airflow`."""

    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self._bin = airflow()
        self._env = {
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "deploy" / "airflow"),
            **settings,
        }
        done = self._run("airflow", "db", "migrate")
        assert done.returncode == 0, done.stderr

    def test(self, dag: str, day: str) -> tuple[str, str]:
        """The state of the only task after `airflow dags test`, and all that was printed."""
        file = ROOT / "deploy" / "airflow" / f"{dag}.py"
        done = self._run("airflow", "dags", "test", dag, day, "--dagfile-path", str(file))
        text = done.stdout + done.stderr
        states = re.findall(r"new_state=(\w+)", text)
        return (states[-1] if states else f"none, exit code {done.returncode}"), text

    def evaluated(self, dag: str, expression: str) -> Any:
        """What an expression is in the module of a DAG, as JSON."""
        load = (
            "import importlib.util, json, sys; s = importlib.util.spec_from_file_location('dag', sys.argv[1])"
        )
        then = "m = importlib.util.module_from_spec(s); s.loader.exec_module(m)"
        code = f"{load}; {then}; print('RESULT', json.dumps(eval(sys.argv[2], vars(m))))"
        file = ROOT / "deploy" / "airflow" / f"{dag}.py"
        done = self._run("python", "-W", "ignore", "-c", code, str(file), expression)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rpartition("RESULT ")[2])

    def _run(self, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return run([str(self._bin / program), *arguments], self._env)


def kubeconform(manifests: str) -> str:
    """What kubeconform has against manifests of Kubernetes; empty if nothing. Unknown fields are errors."""
    program = TOOLS / "kubeconform"
    if not program.is_file():
        if shutil.which("go") is None:
            raise CannotRunError("kubeconform needs Go")
        _checked(["go", "install", KUBECONFORM], "kubeconform", {"GOBIN": str(TOOLS)})
    location = f"{_schemas()}/{{{{.ResourceKind}}}}{{{{.KindSuffix}}}}.json"
    done = run([str(program), "-strict", "-schema-location", location], stdin=manifests)
    return done.stdout + done.stderr


def _schemas() -> Path:
    """Kubernetes' schemas, each with all that it refers to: kubeconform reads one file for one kind."""
    packages = environment("schemas", [SCHEMAS]).parent.glob("lib/python*/site-packages/kubernetes_validate")
    source = next(packages) / "kubernetes-json-schema" / f"{KUBERNETES}-local-strict"
    target = TOOLS / "schemas" / KUBERNETES
    target.mkdir(exist_ok=True)
    definitions = _schema(source / "_definitions.json")["$defs"]
    for kind in KINDS:
        schema = _schema(source / f"{kind}.json") | {"$defs": definitions}
        del schema["$id"]
        (target / f"{kind}.json").write_text(json.dumps(schema))
    return target


def _schema(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(file.read_text().replace("/api/_definitions.json#", "#"))
    return content
