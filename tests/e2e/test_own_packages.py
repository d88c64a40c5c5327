"""A user's project may have packages called `transforms` and `pipelines`, as projects with Beam often do."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import e2e
from support.repo import ROOT

CLEANING = """
def kilometres(miles):
    return miles * 1.609344
"""
PREPROCESSING = """
from pipelines.names import OUTPUT
from transforms.cleaning import kilometres

def preprocessing_fn(inputs):
    return {OUTPUT: kilometres(inputs["distance"])}
"""
ROWS = 400


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    for name, content in {
        "transforms/__init__.py": "",
        "transforms/cleaning.py": CLEANING,
        "pipelines/__init__.py": "",
        "pipelines/names.py": 'OUTPUT = "kilometres"\n',
        "preprocessing.py": PREPROCESSING,
    }.items():
        path = folder / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    lines = ["distance", *(str(100.5 + 7 * (row % 90)) for row in range(ROWS))]
    (folder / "rides.csv").write_text("\n".join(lines) + "\n")
    return folder / "project"


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command where the project's own packages are the first that Python finds."""
    command = Path(sys.executable).with_name("trueserve")
    environment = os.environ | {"PYTHONPATH": f"{project}:{ROOT}"}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.run(
        [str(command), *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


def prepare(project: Path, name: str, preprocessing: str, *more: str) -> Path:
    """The baseline of this name, which has what the project's packages compute."""
    baseline = project / name
    flags = (f"--examples={project.parent / 'rides.csv'}", f"--preprocessing={preprocessing}")
    prepared = run(project, "prepare", *flags, f"--baseline={baseline}", *more)
    assert (prepared.returncode, prepared.stderr) == (0, "")
    assert 'name: "kilometres"' in (baseline / "transformed_schema.pbtxt").read_text()
    return baseline


@pytest.fixture(scope="module")
def baseline(project: Path) -> Path:
    return prepare(project, "baseline", "preprocessing")


def test_both_work_side_by_side(project: Path, baseline: Path) -> None:
    output = project / "output"
    flags = (f"--baseline={baseline}", f"--logs={project.parent / 'rides.csv'}", f"--output={output}")
    validated = run(project, "validate", *flags)
    assert validated.returncode == 0, validated.stderr
    assert e2e.verdict(output)["verdict"] == "ok"


def test_a_worker_process_finds_both_from_a_file(project: Path, baseline: Path) -> None:
    workers = ("--direct_running_mode=multi_processing", "--direct_num_workers=1")
    # Without a schema there would be one more pipeline, of which the function is no part, and its workers.
    prepare(project, "of-workers", "preprocessing.py", f"--schema={baseline / 'schema.pbtxt'}", *workers)
