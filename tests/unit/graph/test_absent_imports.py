"""Files that import what is not installed: they are executed, and only a use of it is a fault."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from apache_beam.internal import pickler
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.graph import mistakes
from trueserve.transforms.graph.absent_imports import AbsentImportError, AbsentNameError
from trueserve.transforms.graph.preprocessing import load_preprocessing

# What the module files of TFX look like.
TRAINER = """
from __future__ import annotations
from typing import Dict, List, Optional
import math, tfx_like.v1 as tfx
import tfx_like.components.trainer
from tfx_like.components.trainer import fn_args_utils
from tfx_like.components.trainer.fn_args_utils import DataAccessor, FnArgs as Args
from json import loads, no_such_name
"""
FUNCTIONS = """
def _input_fn(files: List[str], accessor: DataAccessor, more: Dict[str, List[Args]] = None): ...
def run_fn(fn_args: fn_args_utils.FnArgs, other: Optional[tfx.components.FnArgs], third: Args | None): ...
def fourth(a: tfx_like.components.trainer.Generic[int], b: no_such_name) -> None | Args: ...

def preprocessing_fn(inputs):
    return {'y': inputs['x'] * math.floor(2.5) + len(loads('[]'))}
"""
NOT_INSTALLED = "but tfx_like is not installed; install it, or do without it"


def write(tmp_path: Path, source: str) -> str:
    file = tmp_path / "taxi_utils.py"
    file.write_text(source)
    return str(file)


@pytest.mark.parametrize("source", [TRAINER, TRAINER.replace("from __future__ import annotations", "")])
def test_imports_for_the_trainer_alone_do_not_matter(tmp_path: Path, source: str) -> None:
    assert load_preprocessing(write(tmp_path, source + FUNCTIONS))({"x": 4}) == {"y": 8}


def test_it_goes_to_workers(tmp_path: Path) -> None:
    pickled = tmp_path / "function.pickle"
    pickled.write_bytes(pickler.dumps(load_preprocessing(write(tmp_path, TRAINER + FUNCTIONS))))
    code = (
        "import sys; from pathlib import Path; from apache_beam.internal import pickler;"
        "print(pickler.loads(Path(sys.argv[1]).read_bytes())({'x': 1}))"
    )
    ran = subprocess.run([sys.executable, "-c", code, pickled], check=False, capture_output=True, text=True)
    assert ran.stdout == "{'y': 2}\n", ran.stderr


@pytest.mark.parametrize(
    "use",
    [
        "Args()",
        "list(Args)",
        "1 + Args",
        "Args * 2",
        "Args < 2",
        "f'{Args}'",
        "isinstance(3, Args)",
        "bool(Args)",
        "float(Args)",
        "type('C', (Args,), {})",
        "types.new_class('C', (Args,))",
    ],
)
def test_a_use_says_what_is_not_installed(tmp_path: Path, use: str) -> None:
    source = f"{TRAINER}import types\ndef preprocessing_fn(inputs):\n    return {use}\n"
    function = load_preprocessing(write(tmp_path, source))
    with pytest.raises((AbsentImportError, TypeError)) as raised:
        function({})
    if not use.startswith("type("):  # Python's own words: no class is made of it
        assert str(raised.value) == (
            f"uses FnArgs of tfx_like.components.trainer.fn_args_utils, {NOT_INSTALLED}"
        )
    with pytest.raises(UsageError, match=r"taxi_utils\.py:\d+: uses FnArgs of tfx_like"):
        load_preprocessing(write(tmp_path, f"{TRAINER}\nArgs()\n"))


@pytest.mark.parametrize("use", ["tfx.components", "fn_args_utils.FnArgs", "tfx_like.components", "tfx | 3"])
def test_once_the_file_is_executed_it_has_no_attributes(tmp_path: Path, use: str) -> None:
    source = f"{TRAINER}\ndef preprocessing_fn(inputs):\n    return {use}\n"
    with pytest.raises(AbsentNameError, match=f"^uses .*tfx_like.*, {NOT_INSTALLED}$"):
        load_preprocessing(write(tmp_path, source))({})


def test_who_looks_whether_there_is_something_goes_on(tmp_path: Path) -> None:
    source = f"{TRAINER}\ndef preprocessing_fn(inputs):\n    return hasattr(tfx, 'v2'), repr(tfx)\n"
    has_it, text = load_preprocessing(write(tmp_path, source))({})
    assert not has_it
    assert text == "<tfx_like.v1: tfx_like is not installed; install it, or do without it>"


def test_a_use_in_the_function_is_one_line_before_the_analysis(tmp_path: Path) -> None:
    source = (
        "from tfx_like.models import features\nimport tensorflow as tf\n\n"
        "def preprocessing_fn(inputs):\n    return {key: inputs[key] for key in features.KEYS}\n"
    )
    schema = schema_pb2.Schema(feature=[schema_pb2.Feature(name="x", type=schema_pb2.FLOAT)])
    with pytest.raises(UsageError) as raised:
        mistakes.check(load_preprocessing(write(tmp_path, source)), schema)
    location, _, message = str(raised.value).partition(": ")
    assert location.endswith("taxi_utils.py:5")
    assert message == f"uses features of tfx_like.models, {NOT_INSTALLED}"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("from tfx_like import *\n", r"py:1: imports tfx_like, which is not installed"),
        ("import half_installed\n", r"py:1: imports a module that needs what_it_needs, which is not inst"),
        ("from half_named import a\n", r"py:1: ImportError: cannot import name 'b' from 'json'"),
        ("from whole import a, b\nb()\n", r"py:2: uses b of whole, but the whole that is installed has no b"),
        ("import sys\nif sys:\n    import tfx_like\n", r"py:3: imports tfx_like, which is not installed"),
    ],
)
def test_other_faults_of_imports_are_what_they_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, message: str
) -> None:
    installed = tmp_path / "site-packages"
    installed.mkdir()
    (installed / "half_installed.py").write_text("import what_it_needs\n")
    (installed / "half_named.py").write_text("from json import b\n")
    (installed / "whole.py").write_text("a = 1\n")
    monkeypatch.syspath_prepend(str(installed))
    with pytest.raises(UsageError, match=message):
        load_preprocessing(write(tmp_path, source))


def test_a_file_s_own_way_without_a_module_is_its_own(tmp_path: Path) -> None:
    source = (
        "try:\n    import tfx_like\nexcept ImportError:\n    tfx_like = None\n"
        "def preprocessing_fn(inputs):\n    return tfx_like\n"
    )
    assert load_preprocessing(write(tmp_path, source))({}) is None
