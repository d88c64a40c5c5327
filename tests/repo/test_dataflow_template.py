"""The Flex Template: its parameters are the flags of `validate`, and its files name what exists."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import re
from types import ModuleType
from typing import Any

import pytest
from support.repo import ROOT

from constraints.choose import STACKS
from trueserve.pipelines import cli
from trueserve.pipelines.flags import validate
from trueserve.transforms.core.errors import UsageError

FOLDER = ROOT / "deploy" / "dataflow"
METADATA: dict[str, Any] = json.loads((FOLDER / "metadata.json").read_text(encoding="utf-8"))
PARAMETERS = {parameter["name"]: parameter for parameter in METADATA["parameters"]}
#: What Dataflow's API allows (`ParameterType`), as far as it is used here.
KINDS = {"TEXT", "BOOLEAN", "ENUM"}
REQUIRED = ["--baseline=gs://b/baseline", "--logs=gs://b/logs/*", "--output=gs://b/skew"]
VALUES = {
    "TEXT": ["1", "gs://b/c", "2013-07-01", "version=1", ";", "raw", "registry.example.com/image:1"],
    "BOOLEAN": ["true", "false"],
}


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_metadata", FOLDER / "make_metadata.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_parameters_are_the_flags() -> None:
    generator = _generator()
    written = (FOLDER / "metadata.json").read_text(encoding="utf-8")
    assert written == generator.text(), "run PYTHONPATH=. python deploy/dataflow/make_metadata.py"
    flags = {flag.name for flag in validate.COMMAND.flags}
    assert flags >= generator.LEFT_OUT.keys()
    assert {f"--{name}" for name in PARAMETERS} - flags == {"--sdk_container_image", "--sdk_location"}


def test_a_change_of_a_flag_would_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = _generator()
    renamed = {"common flags": (validate.SLICE_BY.but(help="another text"),)}
    command = dataclasses.replace(validate.COMMAND, groups={**validate.COMMAND.groups, **renamed})
    monkeypatch.setattr(validate, "COMMAND", command)
    assert generator.text() != (FOLDER / "metadata.json").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_parameter_that_fits_its_pattern_is_taken_by_the_command_line(name: str) -> None:
    parameter = PARAMETERS[name]
    assert parameter["paramType"] in KINDS
    assert parameter["helpText"]
    assert "%" not in parameter["helpText"].replace("%Y/%m/%d", "").replace(" %", "")
    values = [option["value"] for option in parameter.get("enumOptions", [])]
    patterns = [re.compile(pattern) for pattern in parameter.get("regexes", [])]
    values = values or [
        value
        for value in VALUES[parameter["paramType"]]
        if all(pattern.fullmatch(value) for pattern in patterns)
    ]
    assert values
    # One that fits the pattern at least is what the flag takes.
    assert any(_is_taken(f"--{name}={value}") for value in values)


def _is_taken(flag: str) -> bool:
    others = [each for each in REQUIRED if each.split("=")[0] != flag.split("=", maxsplit=1)[0]]
    if flag.startswith("--statistics="):
        others = [*others[1:], "--schema=gs://b/schema.pbtxt"]
    if flag.startswith("--schema="):
        others = [*others[1:], "--statistics=gs://b/stats"]
    if flag.startswith("--label="):
        others = [*others[1:], "--schema=gs://b/schema.pbtxt", "--statistics=gs://b/stats"]
    if flag.startswith(("--replay_", "--allow_ops")):
        others.append("--replay=gs://b/model")
    try:
        cli.parse(cli.flags_only([flag, *others]))
    except UsageError:
        return False
    return True


def test_local_paths_do_not_fit_their_patterns() -> None:
    for name in ("baseline", "output", "thresholds", "replay"):
        (pattern,) = PARAMETERS[name]["regexes"]
        assert re.fullmatch(pattern, "gs://bucket/folder")
        assert not re.fullmatch(pattern, "/srv/folder")


@pytest.mark.parametrize("name", ["Dockerfile.launcher", "Dockerfile.worker"])
def test_images_are_of_the_versions_that_are_pinned(name: str) -> None:
    text = (FOLDER / name).read_text(encoding="utf-8")
    stack = next(each for each in STACKS if each.name == "tfdv-1.16")
    assert f"constraints/{stack.name}.txt" in text
    assert "--require-hashes" in text
    assert "--no-deps" in text
    pins = (ROOT / "constraints" / f"{stack.name}.txt").read_text(encoding="utf-8")
    beam = re.search(r"^apache-beam==(\S+)", pins, flags=re.MULTILINE)
    assert beam is not None
    for image in re.findall(r"^FROM apache/beam_python([0-9.]+)_sdk:(\S+)", text, flags=re.MULTILINE):
        assert image == ("3.11", beam[1])
