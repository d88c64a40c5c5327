"""What is in deploy/, without the programs that run it: its commands are ours, and its files exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from support import image_root
from support.repo import ROOT

from trueserve.pipelines import cli
from trueserve.pipelines.flags import validate
from trueserve.transforms.core.errors import UsageError

DEPLOY = ROOT / "deploy"
DOCKERFILES = sorted(path.relative_to(ROOT).as_posix() for path in DEPLOY.rglob("Dockerfile*"))
DAGS = sorted(path.name for path in (DEPLOY / "airflow").glob("*.py"))
COMMANDS = {
    "cron/trueserve": r"/opt/trueserve/bin/trueserve ([^&|>]*?) 2>",
    "systemd/trueserve@.service": r"^ExecStart=/opt/trueserve/bin/trueserve (.*)$",
    "kubernetes/trueserve.yaml": r"args: \[(.*)\]",
}


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_scan_sees_what_it_must() -> None:
    assert "deploy/docker/Dockerfile" in DOCKERFILES
    assert len(DOCKERFILES) == 3
    assert "trueserve_virtualenv.py" in DAGS
    assert len(DAGS) == 3


@pytest.mark.parametrize("name", DOCKERFILES)
def test_what_an_image_copies_exists(name: str) -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text_of(name), flags=re.MULTILINE)
    sources = [source for each in copied for source in each.split()]
    assert sources
    assert [source for source in sources if not (ROOT / source).exists()] == []


def test_what_is_tried_without_an_engine_is_what_the_image_copies() -> None:
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", text_of("deploy/docker/Dockerfile"), flags=re.MULTILINE)
    sources = {source for each in copied for source in each.split()}
    scripts = {"deploy/docker/install.sh", "deploy/docker/system.sh"}
    assert sources == {*image_root.SOURCES, *image_root.FILES, *scripts}


@pytest.mark.parametrize(("name", "pattern"), COMMANDS.items())
def test_commands_are_taken_by_the_command_line(name: str, pattern: str) -> None:
    (arguments,) = re.findall(pattern, text_of(f"deploy/{name}"), flags=re.MULTILINE)
    argv = re.split(r"[\s,]+", arguments.replace('"', "").replace("%i", "flights").strip())
    command, _ = cli.parse(argv)
    assert command.name == "run"
    with pytest.raises(UsageError, match="--confg"):
        cli.parse([argv[0], "--confg=x"])


@pytest.mark.parametrize("name", DAGS)
def test_nights_are_made_up_for_one_after_the_other(name: str) -> None:
    tree = ast.parse(text_of(f"deploy/airflow/{name}"))
    (dag,) = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and _is_dag(node))
    values = {word.arg: ast.unparse(word.value) for word in dag.keywords}
    assert (values["catchup"], values["max_active_runs"]) == ("True", "1")
    assert values["schedule"].startswith("CronDataIntervalTimetable(")
    assert values["dag_id"] == repr(Path(name).stem)


def _is_dag(call: ast.Call) -> bool:
    """Airflow's `DAG(...)`, or its decorator."""
    return ast.unparse(call.func) in ("DAG", "dag")


@pytest.mark.parametrize("name", DAGS)
def test_flags_of_the_dags_are_those_of_validate(name: str) -> None:
    text = text_of(f"deploy/airflow/{name}")
    used = set(re.findall(r'"(--[a-z_]+)[="]', text)) | set(re.findall(r"--[a-z_]+(?==)", text))
    known = {flag.name for flag in validate.COMMAND.flags} | {"--json"}
    assert used <= known
    assert used or "flex_template" in name


def test_only_what_may_go_better_is_tried_again() -> None:
    """Exit code 3 alone: on Kubernetes, in systemd, and in the DAG that can tell."""
    assert "values: [1, 2, 4]" in text_of("deploy/kubernetes/trueserve.yaml")
    unit = text_of("deploy/systemd/trueserve@.service")
    assert {"SuccessExitStatus=4", "RestartPreventExitStatus=1 2"} <= set(unit.splitlines())
    dag = text_of("deploy/airflow/trueserve_virtualenv.py")
    assert "SKEW, WRONG_USAGE, FAILED, NOTHING_EXAMINED = 1, 2, 3, 4" in dag


def test_a_pod_has_no_rights_and_no_token() -> None:
    manifest = text_of("deploy/kubernetes/trueserve.yaml")
    for line in (
        "runAsNonRoot: true",
        "readOnlyRootFilesystem: true",
        "allowPrivilegeEscalation: false",
        'drop: ["ALL"]',
        "automountServiceAccountToken: false",
        "requests:",
        "limits:",
    ):
        assert line in manifest
