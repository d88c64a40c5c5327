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


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, content in {
        "transforms/__init__.py": "",
        "transforms/cleaning.py": CLEANING,
        "pipelines/__init__.py": "",
        "pipelines/names.py": 'OUTPUT = "kilometres"\n',
        "preprocessing.py": PREPROCESSING,
    }.items():
        path = tmp_path / "project" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    lines = ["distance", *(str(100.5 + 7 * (row % 90)) for row in range(ROWS))]
    (tmp_path / "rides.csv").write_text("\n".join(lines) + "\n")
    return tmp_path / "project"


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command where the project's own packages are the first that Python finds."""
    command = Path(sys.executable).with_name("trueserve")
    environment = os.environ | {"PYTHONPATH": f"{project}:{ROOT}", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [str(command), *arguments], cwd=project, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    ("preprocessing", "workers"),
    [
        ("preprocessing", ()),
        ("preprocessing.py", ("--direct_running_mode=multi_processing", "--direct_num_workers=2")),
    ],
    ids=["a module", "a file, workers"],
)
def test_both_work_side_by_side(project: Path, preprocessing: str, workers: tuple[str, ...]) -> None:
    rides, baseline = project.parent / "rides.csv", project / "baseline"
    flags = (f"--examples={rides}", f"--preprocessing={preprocessing}", f"--baseline={baseline}")
    prepared = run(project, "prepare", *flags, *workers)
    assert prepared.returncode == 0, prepared.stderr
    output = project / "output"
    validated = run(project, "validate", f"--baseline={baseline}", f"--logs={rides}", f"--output={output}")
    assert validated.returncode == 0, validated.stderr
    assert e2e.verdict(output)["verdict"] == "ok"
    schema = (baseline / "transformed_schema.pbtxt").read_text()
    assert 'name: "kilometres"' in schema
