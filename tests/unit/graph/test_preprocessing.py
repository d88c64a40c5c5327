"""Loading a preprocessing_fn from files and modules, and what a user is told when that fails."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from apache_beam.internal import pickler

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph.preprocessing import load_preprocessing, source_digest

FILE = """
from __future__ import annotations

import dataclasses

import helper
from package import scale
from package.deep import OFFSET


@dataclasses.dataclass(frozen=True)
class Settings:
    add: float = 1.0


def preprocessing_fn(inputs):
    import lazy

    return {"y": scale(inputs["x"]) + helper.TEN + OFFSET + Settings().add + lazy.HUNDRED}


def other(inputs):
    return {}


CONSTANT = 3
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "helper.py").write_text("TEN = 10\n")
    (tmp_path / "lazy.py").write_text("HUNDRED = 100\n")
    (tmp_path / "package").mkdir()
    (tmp_path / "package/__init__.py").write_text(
        "from package.deep import factor\nscale = lambda x: x * factor()\n"
    )
    (tmp_path / "package/deep.py").write_text("OFFSET = 1000\ndef factor():\n    return 2\n")
    path = tmp_path / "features.py"
    path.write_text(FILE)
    return path


def test_a_file_is_loaded_with_the_modules_beside_it(file: Path) -> None:
    assert load_preprocessing(str(file))({"x": 1}) == {"y": 1113.0}
    assert load_preprocessing(f"{file}:other")({"x": 1}) == {}


def test_loading_leaves_no_trace_in_the_process(file: Path) -> None:
    before, path = set(sys.modules), list(sys.path)
    load_preprocessing(str(file))({"x": 1})
    assert set(sys.modules) - before == set()
    assert sys.path == path


def test_two_files_with_a_neighbour_of_the_same_name_do_not_mix(file: Path, tmp_path: Path) -> None:
    first = load_preprocessing(str(file))
    folder = tmp_path / "second"
    folder.mkdir()
    (folder / "helper.py").write_text("TEN = 20\n")
    (folder / "features.py").write_text(
        "import helper\ndef preprocessing_fn(inputs):\n    return {'y': helper.TEN}\n"
    )
    second = load_preprocessing(str(folder / "features.py"))
    assert second({}) == {"y": 20}
    assert first({"x": 1}) == {"y": 1113.0}


def test_it_reaches_another_process_as_source(file: Path, tmp_path: Path) -> None:
    """With Beam's own pickler, after the files are gone, in a process that never saw them."""
    function = load_preprocessing(str(file))
    function({"x": 1})  # as tf.Transform traces before it pickles; this is what imports `lazy`
    pickled = tmp_path / "pickled"
    pickled.write_bytes(pickler.dumps(function))
    for path in (file, file.parent / "helper.py", file.parent / "lazy.py", file.parent / "package/deep.py"):
        path.unlink()
    code = (
        "import sys; from apache_beam.internal import pickler; from pathlib import Path;"
        "print(pickler.loads(Path(sys.argv[1]).read_bytes())({'x': 1}))"
    )
    ran = subprocess.run([sys.executable, "-c", code, pickled], check=False, capture_output=True, text=True)
    assert ran.stdout == "{'y': 1113.0}\n", ran.stderr


def test_a_traced_tf_function_does_not_hinder_pickling(tmp_path: Path) -> None:
    file = tmp_path / "traced.py"
    file.write_text(
        "import tensorflow as tf\n@tf.function\ndef double(x):\n    return x * 2\n"
        "def preprocessing_fn(inputs):\n    return {'y': double(inputs['x'])}\n"
    )
    function = load_preprocessing(str(file))
    assert int(function({"x": 4})["y"]) == 8
    assert int(pickler.loads(pickler.dumps(function))({"x": 5})["y"]) == 10


def test_an_installed_module_goes_by_name() -> None:
    import json

    loads: Any = load_preprocessing("json:loads")
    assert loads is json.loads


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def preprocessing_fn(inputs:\n    pass\n", r"bad\.py:1: syntax error: "),
        ("x = 1\n\nraise ValueError('no\\nway')\n", r"bad\.py:3: ValueError: no way"),
        ("import sys\nsys.exit(1)\n", r"bad\.py:2: SystemExit: 1"),
        (
            "import math\ntry:\n    from nothing_like_this import v1\nfinally:\n    pass\n",
            r"bad\.py:3: imports nothing_like_this, which is not installed; install it, or move"
            r" preprocessing_fn to a file without this import$",
        ),
        (
            "from json import nothing\n\nnothing()\n",
            r"bad\.py:3: uses nothing of json, but the json that is installed has no nothing$",
        ),
        (
            "from . import features\n",
            r"bad\.py:1: ImportError: attempted relative import .*; a file is no part of a package",
        ),
        ("def f(x): pass\ndef g(x): pass\n", "has no function preprocessing_fn; functions in it: f, g"),
        ("preprocessing_fn = 3\n", "preprocessing_fn in .*bad.py is a int; expected a function"),
        ("", "has no function preprocessing_fn; functions in it: none"),
    ],
)
def test_faults_of_a_file_are_one_line_with_their_place(tmp_path: Path, source: str, message: str) -> None:
    file = tmp_path / "bad.py"
    file.write_text(source)
    with pytest.raises(UsageError, match=message) as raised:
        load_preprocessing(str(file))
    assert "\n" not in str(raised.value)


def test_a_missing_module_is_of_the_line_that_imports_it(tmp_path: Path) -> None:
    """It may stand in a module beside the file, or be needed by one that is installed."""
    (tmp_path / "shared.py").write_text("import math\n\nimport tfx_like_this\n")
    main = tmp_path / "main.py"
    main.write_text("import shared\ndef preprocessing_fn(inputs): pass\n")
    with pytest.raises(UsageError, match=r"shared\.py:3: imports tfx_like_this, which is not installed"):
        load_preprocessing(str(main))
    installed = tmp_path / "venv" / "site-packages"
    installed.mkdir(parents=True)
    (installed / "half_installed.py").write_text("import what_it_needs\n")
    main.write_text(f"import sys\nsys.path.append({str(installed)!r})\nimport half_installed\n")
    expected = r"main\.py:3: imports a module that needs what_it_needs, which is not installed; install it"
    try:
        with pytest.raises(UsageError, match=expected):
            load_preprocessing(str(main))
    finally:
        sys.path.remove(str(installed))


def test_a_missing_module_of_an_installed_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "of_mine.py").write_text("import math\nimport tfx_like_this\n")
    (tmp_path / "broken.py").write_text("raise ValueError('no')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(UsageError, match=r"of_mine\.py:2: imports tfx_like_this, which is not installed"):
        load_preprocessing("of_mine")
    with pytest.raises(UsageError, match=r"broken\.py:1: ValueError: no"):
        load_preprocessing("broken")


def test_a_syntax_error_beside_the_file_names_that_file(tmp_path: Path) -> None:
    (tmp_path / "shared.py").write_text("x = (\n")
    (tmp_path / "main.py").write_text("import shared\n")
    with pytest.raises(UsageError, match=r"shared\.py:1: syntax error"):
        load_preprocessing(str(tmp_path / "main.py"))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("/nowhere/features.py", "no preprocessing file /nowhere/features.py"),
        ("nothing_like_this", "no module nothing_like_this"),
        ("json:nothing", "json has no function nothing; functions in it: .*loads"),
        ("features.txt!", "expected FILE.py"),
        ("", "expected FILE.py"),
    ],
)
def test_faults_of_the_name(spec: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        load_preprocessing(spec)


def test_source_digest_is_of_the_files_bytes(file: Path) -> None:
    digest: Any = hashlib.sha256(FILE.encode()).hexdigest()
    assert source_digest(str(file)) == source_digest(f"{file}:other") == digest
    import json

    assert source_digest("json:loads") == hashlib.sha256(Path(json.__file__).read_bytes()).hexdigest()
