"""The shape of the house: which way imports go, who may know Beam, and what the command line may load."""

from __future__ import annotations

import ast
import functools
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
from support.repo import ROOT

from trueserve.transforms.compiling import code_cache

MODULES = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("pipelines", "transforms")
    for path in (ROOT / folder).rglob("*.py")
)
# Modules that wire or run in a Beam graph. Logic belongs elsewhere: think twice before adding one.
MAY_IMPORT_BEAM = {
    "pipelines/backtest.py",
    "pipelines/beam/dask_cluster.py",
    "pipelines/beam/kept_views.py",
    "pipelines/beam/options.py",
    "pipelines/beam/portable.py",
    "pipelines/beam/setup_file.py",
    "pipelines/beam/job.py",
    "pipelines/join.py",
    "pipelines/adopt.py",
    "pipelines/baseline/groups.py",
    "pipelines/baseline/periods.py",
    "pipelines/baseline/transformed_examples.py",
    "pipelines/prepare.py",
    "pipelines/public/steps.py",
    "pipelines/repeated.py",
    "pipelines/validate.py",
    "transforms/analyze.py",
    "transforms/coders.py",
    "transforms/write_results.py",
    "transforms/write_variation.py",
    "transforms/files/file_systems.py",
    "transforms/join_rows.py",
    "transforms/branches/load_once.py",
    "transforms/profile.py",
    "transforms/publish_verdict.py",
    "transforms/read.py",
    "transforms/reporting.py",
    "transforms/examine_range.py",
    "transforms/examine_table.py",
    "transforms/merge_results.py",
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
LONGEST = 300
MOST_IN_A_FOLDER = 15


@functools.cache
def imports(source: str, *, at_top_only: bool = False) -> frozenset[str]:
    """The dotted names of modules that a source imports, also from within functions unless `at_top_only`.

    The product's own are without its name, as their folders are.
    """
    tree = ast.parse(source)
    nodes = _run_on_import(tree) if at_top_only else ast.walk(tree)
    names: set[str] = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name.removeprefix("trueserve.") for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "").removeprefix("trueserve.")
            names |= {module} | {f"{module}.{alias.name}" for alias in node.names}
    return frozenset(names)


def _run_on_import(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes that run when the module is imported: no bodies of functions, no TYPE_CHECKING blocks."""
    for child in ast.iter_child_nodes(node):
        typing_only = isinstance(child, ast.If) and ast.unparse(child.test).endswith("TYPE_CHECKING")
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) or typing_only:
            continue
        yield child
        yield from _run_on_import(child)


def roots(names: frozenset[str]) -> set[str]:
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
    source = "import a.b\nif x:\n  from c import d\ndef f():\n  import e, trueserve.g\n"
    assert imports(source) == {"a.b", "c", "c.d", "e", "g"}
    assert imports(source, at_top_only=True) == {"a.b", "c", "c.d"}
    assert {"pipelines/cli.py", "transforms/files/paths.py"} <= set(MODULES)
    assert "transforms/core/errors.py" in _loaded_with("pipelines/cli.py")


# The house from its roof down. A module imports from its own part and from the layers below.
# `*` are the modules of a folder, without those in folders below.
LAYERS = (
    ("pipelines/nightly/", "pipelines/public/"),
    ("pipelines/*", "pipelines/published/"),
    ("pipelines/baseline/", "pipelines/config/"),
    ("pipelines/beam/",),
    ("pipelines/flags/",),
    ("pipelines/display/",),
    ("pipelines/process/", "pipelines/estimate/"),
    ("transforms/*",),
    ("transforms/branches/",),
    ("transforms/publish/",),
    ("transforms/drift/", "transforms/history/"),
    ("transforms/runs/",),
    ("transforms/reference/", "transforms/backtesting/"),
    ("transforms/verdict/", "transforms/serving/"),
    ("transforms/baseline/", "transforms/joining/", "transforms/performance/", "transforms/predictions/"),
    ("transforms/replay/",),
    ("transforms/graph/", "transforms/logs/", "transforms/summaries/"),
    ("transforms/columnar/",),
    ("transforms/compiling/",),
    ("transforms/files/",),
    ("transforms/core/",),
)
PARTS = {part: layer for layer, parts in enumerate(LAYERS) for part in parts}


def _part(module: str) -> str:
    """The part of a layer that a module is in."""
    folder, _, name = module.rpartition("/")
    of_folder = f"{folder}/*"
    return of_folder if of_folder in PARTS else "/".join([*module.split("/")[:2], ""]) if name else module


def _imported_modules(module: str) -> set[str]:
    """The project's modules that a module imports, from within functions too."""
    files = {f"{name.replace('.', '/')}.py" for name in imports(_source(module))}
    return files & set(MODULES) - {module}


def _upwards(module: str) -> Iterator[str]:
    """What a module imports that is not below it."""
    own = _part(module)
    for imported in _imported_modules(module):
        part = _part(imported)
        if part != own and PARTS[part] <= PARTS[own]:
            yield f"{module} imports {imported}"


def test_every_module_is_in_a_layer_and_every_layer_has_modules() -> None:
    assert {_part(module) for module in MODULES if not module.endswith("__init__.py")} == set(PARTS)


def test_imports_go_down() -> None:
    assert [wrong for module in MODULES for wrong in _upwards(module)] == []
    # The scan sees imports of every kind, or nothing would go up either.
    assert "transforms/verdict/model.py" in _imported_modules("transforms/verdict/compare.py")
    assert "transforms/files/paths.py" in _imported_modules("transforms/graph/preprocessing.py")


def test_modules_import_one_another_in_no_circle() -> None:
    imported = {module: _imported_modules(module) for module in MODULES}
    assert len(list(graphlib.TopologicalSorter(imported).static_order())) == len(MODULES)


def test_nothing_that_is_not_shipped_is_imported_and_every_import_is_absolute() -> None:
    not_shipped = {"examples", "tests", "support", "constraints", "benchmarks"}
    assert [module for module in MODULES if roots(imports(_source(module))) & not_shipped] == []
    assert [module for module in MODULES if any(n.startswith(".") for n in imports(_source(module)))] == []


def test_what_a_module_imports_it_does_not_hand_on() -> None:
    # An import of a name as itself is Python's way to say that it is this module's, too.
    handed_on = re.compile(r"^\s*from \S+ import .*\b(\w+) as \1\b", re.MULTILINE)
    assert handed_on.search("from a import b, c as c")
    assert [module for module in MODULES if handed_on.search(_source(module))] == []


def test_pyarrow_is_imported_where_it_is_protected_and_nowhere_else() -> None:
    importers = {name for name in MODULES if roots(imports(_source(name))) & {"pyarrow", "pyarrow_hotfix"}}
    assert importers == {"transforms/core/arrow.py"}
    assert not [name for name in MODULES if 'import_module("pyarrow' in _source(name)]
    # The coders decode what a worker of the same job has encoded.
    loaders = {name for name in MODULES if re.search(r"ipc\.(open|read)_", _source(name))}
    assert loaders == {"transforms/core/arrow.py", "transforms/coders.py"}


def test_only_the_listed_modules_import_beam() -> None:
    importers = {module for module in MODULES if "apache_beam" in roots(imports(_source(module)))}
    assert importers == MAY_IMPORT_BEAM


def test_compiled_functions_are_where_a_change_of_their_source_is_seen() -> None:
    compilers = {name for name in MODULES if "transforms.compiling.compiled" in imports(_source(name))}
    assert compilers
    assert {str(ROOT / name) for name in compilers} <= {str(path) for path in code_cache.sources()}


def test_command_line_imports_nothing_heavy_at_the_top() -> None:
    for module in _loaded_with("pipelines/cli.py") | _loaded_with("pipelines/flags/commands.py"):
        assert not roots(imports(_source(module), at_top_only=True)) & set(HEAVY), module


@pytest.mark.parametrize(
    "command",
    [
        "",
        "prepare",
        "adopt",
        "export",
        "validate",
        "join",
        "check",
        "backtest",
        "run",
        "backfill",
        "gate",
        "history",
    ],
)
def test_help_loads_nothing_heavy(command: str) -> None:
    code = (
        "import sys\nfrom trueserve.pipelines.cli import main\n"
        "try:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print('loaded:', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    argv = [sys.executable, "-c", code, *command.split(), "--help"]
    done = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True)
    usage, _, loaded = done.stdout.rpartition("loaded:")
    assert "trueserve" in usage
    assert not set(loaded.split()) & set(HEAVY)


def test_modules_are_short_and_folders_are_small() -> None:
    assert [module for module in MODULES if len(_source(module).splitlines()) >= LONGEST] == []
    folders = [module.rpartition("/")[0] for module in MODULES if not module.endswith("__init__.py")]
    assert [folder for folder in set(folders) if folders.count(folder) > MOST_IN_A_FOLDER] == []


def test_files_of_tests_are_short() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    assert ROOT / "tests/repo/test_architecture.py" in tests
    assert [str(path) for path in tests if len(path.read_text().splitlines()) > LONGEST] == []


def test_every_folder_says_in_one_sentence_what_it_is() -> None:
    folders = {module.rpartition("/")[0] for module in MODULES}
    docstrings = {f: ast.get_docstring(ast.parse(_source(f"{f}/__init__.py"))) or "" for f in folders}
    assert [folder for folder, docstring in docstrings.items() if not docstring.endswith(".")] == []
