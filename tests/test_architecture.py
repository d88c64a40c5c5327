"""The shape of the house: which way imports go, who may know Beam, and what the command line may load."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("pipelines", "transforms")
    for path in (ROOT / folder).rglob("*.py")
)
# Modules that wire or run in a Beam graph. Logic belongs elsewhere: think twice before adding one.
MAY_IMPORT_BEAM = {
    "pipelines/backtest.py",
    "pipelines/beam/options.py",
    "pipelines/beam/job.py",
    "pipelines/join.py",
    "pipelines/periods.py",
    "pipelines/prepare.py",
    "pipelines/validate.py",
    "transforms/analyze.py",
    "transforms/coders.py",
    "transforms/write_results.py",
    "transforms/count_periods.py",
    "transforms/files/file_systems.py",
    "transforms/apply_transform_graph.py",
    "transforms/join_rows.py",
    "transforms/take_predictions.py",
    "transforms/mark_rows.py",
    "transforms/publish_verdict.py",
    "transforms/read.py",
    "transforms/read_bigquery.py",
    "transforms/replay_requests.py",
    "transforms/compute_statistics.py",
}
HEAVY = (
    "apache_beam",
    "keras",
    "numpy",
    "pandas",
    "pyarrow",
    "tensorflow",
    "tensorflow_data_validation",
    "tensorflow_metadata",
    "tensorflow_serving",
    "tensorflow_transform",
    "tfx_bsl",
)
LONGEST = 350


def imports(source: str, *, at_top_only: bool = False) -> set[str]:
    """The dotted names of modules that a source imports, also from within functions unless `at_top_only`."""
    tree = ast.parse(source)
    nodes = _run_on_import(tree) if at_top_only else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return names


def _run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no bodies of functions, no TYPE_CHECKING blocks."""
    for child in ast.iter_child_nodes(node):
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or typing_only:
            continue
        yield child
        yield from _run_on_import(child)


def roots(names: set[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def _source(module: str) -> str:
    return (ROOT / module).read_text(encoding="utf-8")


def _loaded_with(module: str, seen: set[str] | None = None) -> set[str]:
    """The project's modules that importing this one imports as well, itself among them."""
    seen = set() if seen is None else seen
    if module in seen:
        return seen
    seen.add(module)
    for name in imports(_source(module), at_top_only=True):
        for path in (f"{name.replace('.', '/')}.py", f"{name.replace('.', '/')}/__init__.py"):
            if path in MODULES:
                _loaded_with(path, seen)
    return seen


def test_the_scan_sees_what_it_must() -> None:
    source = "import a.b\nif x:\n  from c import d\ndef f():\n  import e\n"
    assert imports(source) == {"a.b", "c", "c.d", "e"}
    assert imports(source, at_top_only=True) == {"a.b", "c", "c.d"}
    assert {"pipelines/cli.py", "transforms/files/paths.py"} <= set(MODULES)
    assert "transforms/core/errors.py" in _loaded_with("pipelines/cli.py")


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("transforms/")])
def test_transforms_never_import_pipelines_or_what_is_not_shipped(module: str) -> None:
    assert not roots(imports(_source(module))) & {
        "pipelines",
        "examples",
        "tests",
        "constraints",
        "benchmarks",
    }


@pytest.mark.parametrize("module", [name for name in MODULES if name.startswith("pipelines/")])
def test_pipelines_import_nothing_that_is_not_shipped(module: str) -> None:
    assert not roots(imports(_source(module))) & {"examples", "tests", "constraints", "benchmarks"}


@pytest.mark.parametrize("module", MODULES)
def test_imports_are_absolute(module: str) -> None:
    assert not [name for name in imports(_source(module)) if name.startswith(".")]


# What each part of `transforms` may import beside itself, in the order in which the data goes: from what
# everybody stands on, over bytes, batches, the graph and the baseline, to the verdict and its publication.
FOUNDATIONS = {"accounting", "errors", "file_systems", "paths", "progress", "records", "schema"}
# pyarrow, which is got from there alone.
EVERYWHERE = {"arrow", "child_processes"}
MAY_IMPORT: dict[str, set[str]] = {
    "arrow": set(),
    "child_processes": set(),
    "errors": set(),
    "accounting": set(),
    "progress": set(),
    "cores": set(),
    "custom_statistics": set(),
    "op_packages": set(),
    "refused": set(),
    "ahead": set(),
    "tfrecord": set(),
    "columnar": {"tfrecord"},
    "summaries": {"columnar", "custom_statistics"},
    "coders": {"joining", "records", "summaries"},
    "joining": {"accounting", "errors", "logs", "paths", "records", "schema"},
    "join_rows": {"coders", "joining", "logs", "paths", "read", "records"},
    "slicing": {"errors", "records", "schema"},
    "mark_rows": {"accounting", "records", "slicing", "summaries"},
    "statistics": {"coders", "records", "slicing", "summaries"},
    "records": {"accounting"},
    "lease": {"errors"},
    "temporary_files": {"lease"},
    "file_systems": {"errors", "lease"},
    "local_writes": {"temporary_files"},
    "paths": {"errors", "file_systems", "lease", "local_writes"},
    "windows": {"errors", "file_systems", "paths"},
    "backtesting": {"errors", "records", "schema", "verdict"},
    "schema": {"errors"},
    "preprocessing": {"errors", "paths"},
    "logs": {*FOUNDATIONS, "columnar", "tfrecord"},
    "read": {*FOUNDATIONS, "ahead", "coders", "logs"},
    "read_bigquery": {*FOUNDATIONS, "coders", "logs", "read"},
    "coverage": set(),
    "collect": {*FOUNDATIONS, "coverage", "read"},
    "baseline": {"coverage", "errors", "file_systems", "lease", "paths", "schema", "tfrecord"},
    "transform_graph": {*FOUNDATIONS, "baseline", "cores", "op_packages", "refused"},
    "graph": {*FOUNDATIONS, "baseline", "transform_graph"},
    "augment": {"errors", "preprocessing"},
    "analyze": {*FOUNDATIONS, "augment", "preprocessing"},
    "lint": {"baseline", "errors", "paths", "preprocessing", "schema"},
    "replay": {*FOUNDATIONS, "cores", "op_packages", "refused"},
    "predictions": {"paths", "replay"},
    "logged_predictions": {"accounting", "predictions", "records"},
    "serving": {
        *FOUNDATIONS,
        "columnar",
        "lease",
        "logs",
        "op_packages",
        "predictions",
        "refused",
        "summaries",
        "tfrecord",
        "transform_graph",
    },
    "replay_requests": {*FOUNDATIONS, "replay"},
    "checking": {"baseline", "errors", "op_packages", "serving"},
    "verdict": {"accounting", "custom_statistics", "errors", "records", "replay", "schema", "slicing"},
    "count_periods": {"paths", "records", "verdict"},
    "publish": {*FOUNDATIONS, "lease", "replay", "slicing", "temporary_files", "verdict"},
}


def _part(module: str) -> str:
    """`logs` for transforms/logs/decode_file.py, `paths` for transforms/files/paths.py."""
    return module.removeprefix("transforms/").split("/")[0].removesuffix(".py")


def _imported_modules(module: str) -> set[str]:
    """The project's modules that a module imports, from within functions too."""
    files = {f"{name.replace('.', '/')}.py" for name in imports(_source(module))}
    return files & set(MODULES) - {module}


TRANSFORMS = [name for name in MODULES if name.startswith("transforms/") and "__init__" not in name]


@pytest.mark.parametrize("module", TRANSFORMS)
def test_transforms_import_down_the_way_of_the_data(module: str) -> None:
    imported = {_part(name) for name in _imported_modules(module)}
    assert imported - {_part(module)} <= MAY_IMPORT[_part(module)] | EVERYWHERE


def test_parts_of_transforms_import_one_another_in_no_circle() -> None:
    order = list(graphlib.TopologicalSorter(MAY_IMPORT).static_order())
    assert set(order) == {_part(module) for module in TRANSFORMS}
    assert not _below("logs") & {"read", "baseline", "serving", "verdict", "publish"}
    assert not _below("verdict") & {"baseline", "serving", "publish"}


def _below(part: str) -> set[str]:
    """All that a part may lean on, through others too."""
    return MAY_IMPORT[part].union(*(_below(name) for name in MAY_IMPORT[part]))


def test_modules_import_one_another_in_no_circle() -> None:
    imported = {module: _imported_modules(module) for module in MODULES}
    assert len(list(graphlib.TopologicalSorter(imported).static_order())) == len(MODULES)
    # The scan sees imports of every kind, or no circle would be seen either.
    assert "transforms/verdict/model.py" in imported["transforms/verdict/compare.py"]
    assert "transforms/files/paths.py" in imported["transforms/graph/preprocessing.py"]


def test_pyarrow_is_imported_where_it_is_protected_and_nowhere_else() -> None:
    importers = {name for name in MODULES if roots(imports(_source(name))) & {"pyarrow", "pyarrow_hotfix"}}
    assert importers == {"transforms/core/arrow.py"}
    assert not [name for name in MODULES if 'import_module("pyarrow' in _source(name)]
    # The coders decode what a worker of the same job has encoded.
    loaders = {name for name in MODULES if re.search(r"ipc\.(open|read)_", _source(name))}
    assert loaders == {"transforms/core/arrow.py", "transforms/coders.py"}


def test_only_the_listed_modules_import_beam() -> None:
    importers = {module for module in MODULES if "apache_beam" in roots(imports(_source(module)))}
    assert importers - MAY_IMPORT_BEAM == set()


def test_list_of_beam_modules_names_no_ghosts() -> None:
    importers = {module for module in MODULES if "apache_beam" in roots(imports(_source(module)))}
    assert MAY_IMPORT_BEAM - importers == set()


def test_command_line_imports_nothing_heavy_at_the_top() -> None:
    for module in _loaded_with("pipelines/cli.py") | _loaded_with("pipelines/flags/options.py"):
        assert not roots(imports(_source(module), at_top_only=True)) & set(HEAVY), module


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["prepare", "--help"],
        ["export", "--help"],
        ["validate", "--help"],
        ["join", "--help"],
        ["check", "--help"],
        ["backtest", "--help"],
    ],
)
def test_help_loads_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom pipelines.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    command = [sys.executable, "-c", code, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    usage, _, loaded = done.stdout.rpartition("loaded:")
    assert "trueserve" in usage
    assert not set(loaded.split()) & set(HEAVY)


@pytest.mark.parametrize("module", MODULES)
def test_modules_are_short(module: str) -> None:
    assert len(_source(module).splitlines()) < LONGEST
