"""Bad input of prepare: one clear line on stderr, the exit code, and the earlier baseline stays whole."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from support import e2e, logs
from support.homes import Home

from trueserve.transforms.read import ReadRows

Capture = pytest.CaptureFixture[str]


class Prepare:
    """A baseline that stands, in a folder of its own, and attempts to replace it by a broken one."""

    def __init__(self, home: Home, folder: Path, capsys: Capture) -> None:
        self.folder, self.baseline = folder, folder / "place" / "baseline"
        shutil.copytree(home.baseline, self.baseline)
        self._before = e2e.tree(folder / "place")
        self._capsys = capsys
        logs.write_records(folder / "good", [logs.example(**row) for row in e2e.rides(50, 4)])
        (folder / "features.py").write_text(e2e.NO_ANALYSIS)

    def fails(self, code: int, **flags: str) -> str:
        """The one line of an attempt that ends with `code`; nothing has changed around the baseline."""
        arguments = {
            "examples": str(self.folder / "good"),
            "preprocessing": str(self.folder / "features.py"),
            "baseline": str(self.baseline),
            "label": "late",
            **flags,
        }
        result = e2e.run(self._capsys, "prepare", *(f"--{name}={value}" for name, value in arguments.items()))
        assert (result.code, e2e.tree(self.folder / "place")) == (code, self._before)
        assert [path.name for path in (self.folder / "place").iterdir()] == ["baseline"]
        return e2e.one_error(result)

    def file(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return str(path)


@pytest.fixture
def prepare(home: Home, tmp_path: Path, capsys: Capture) -> Prepare:
    return Prepare(home, tmp_path, capsys)


def test_prepare_without_a_file(prepare: Prepare) -> None:
    assert "nowhere/*" in prepare.fails(3, examples=str(prepare.folder / "nowhere" / "*"))


@pytest.mark.parametrize(("name", "content"), [("empty.tfrecord", b""), ("header.csv", b"distance,late\n")])
def test_prepare_without_a_row(prepare: Prepare, name: str, content: bytes) -> None:
    assert "no row" in prepare.fails(4, examples=prepare.file(name, content))


def test_prepare_from_a_truncated_file(prepare: Prepare) -> None:
    data = (prepare.folder / "good").read_bytes()
    broken = prepare.file("broken", data[:-1])
    line = prepare.fails(3, examples=broken)
    assert f"{broken} at byte " in line
    assert "truncated" in line


def test_prepare_from_files_of_which_another_read_finds_less(
    prepare: Prepare, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where somebody takes a file away, or cuts it short, between two reads."""
    logs.write_records(prepare.folder / "good-2", [logs.example(**row) for row in e2e.rides(30, 5)])
    monkeypatch.setattr(
        "trueserve.pipelines.prepare.ReadRows", lambda files, *more: ReadRows(files[:1], *more)
    )
    line = prepare.fails(3, examples=str(prepare.folder / "good*"))
    assert "changed while they were read: 80 rows at first, and 50 when they were transformed" in line


def test_prepare_from_a_file_that_grows_meanwhile(prepare: Prepare) -> None:
    growing = prepare.file("growing", (prepare.folder / "good").read_bytes())
    preprocessing = prepare.file(
        "grows.py",
        "def preprocessing_fn(inputs):\n"
        f"    with open({growing!r}, 'ab') as log, open({str(prepare.folder / 'good')!r}, 'rb') as more:\n"
        "        log.write(more.read())\n"
        "    return {'late': inputs['late']}\n",
    )
    line = prepare.fails(3, examples=growing, preprocessing=preprocessing)
    assert f"changed while they were read: {growing} had " in line


def test_prepare_from_a_record_that_is_no_example(prepare: Prepare) -> None:
    good = [logs.example(**row) for row in e2e.rides(9, 4)]
    file = logs.write_records(prepare.folder / "noisy", [*good, b"\x0a\xffstranger"])
    line = prepare.fails(3, examples=file.path)
    assert f"{file.path}, record 9: expected a serialized tf.Example" in line
    assert "stranger" not in line


def test_prepare_from_a_feature_in_two_types(prepare: Prepare) -> None:
    rows = e2e.rides(9, 4)
    rows[7] = {**rows[7], "hour": [b"seven"]}
    file = logs.write_records(prepare.folder / "mixed", [logs.example(**row) for row in rows])
    line = prepare.fails(3, examples=file.path)
    assert all(word in line for word in ("'hour'", "bytes", "int", file.path))


def test_prepare_from_values_that_the_given_schema_excludes(prepare: Prepare) -> None:
    schema = prepare.baseline / "schema.pbtxt"
    assert 'name: "hour"' in schema.read_text()
    rows = [{**row, "hour": [b"seven"]} if i == 7 else row for i, row in enumerate(e2e.rides(9, 4))]
    file = logs.write_records(prepare.folder / "mixed", [logs.example(**row) for row in rows])
    # The first to meet them is a phase of the analysis.
    analysis = prepare.file("analysis.py", e2e.FEW_FEATURES)
    line = prepare.fails(3, examples=file.path, schema=str(schema), preprocessing=analysis)
    assert all(word in line for word in ("hour", "bytes", "int", "1 row"))


def test_prepare_with_a_syntax_error(prepare: Prepare) -> None:
    path = prepare.file("broken.py", "import os\n\ndef preprocessing_fn(inputs)\n    return inputs\n")
    assert f"{path}:3" in prepare.fails(2, preprocessing=path)


def test_prepare_without_such_a_function(prepare: Prepare) -> None:
    path = prepare.file("other.py", "def my_features(inputs):\n    return inputs\n")
    line = prepare.fails(2, preprocessing=f"{path}:preprocess")
    assert "preprocess" in line
    assert "my_features" in line
    assert path in prepare.fails(2, preprocessing=path)


def test_prepare_with_a_missing_preprocessing_file(prepare: Prepare) -> None:
    assert "nowhere.py" in prepare.fails(2, preprocessing=str(prepare.folder / "nowhere.py"))


def test_prepare_with_a_function_that_raises(prepare: Prepare) -> None:
    path = prepare.file("raises.py", "def preprocessing_fn(inputs):\n    return {'x': inputs['elevation']}\n")
    line = prepare.fails(2, preprocessing=path)
    assert path in line
    assert "elevation" in line


def test_prepare_with_an_unknown_label(prepare: Prepare) -> None:
    line = prepare.fails(2, label="punctual")
    assert "punctual" in line
    assert "distance" in line


def test_prepare_into_a_folder_of_something_else(prepare: Prepare) -> None:
    mine = prepare.folder / "mine"
    mine.mkdir()
    (mine / "thesis.tex").write_text("years of work")
    assert str(mine) in prepare.fails(2, baseline=str(mine))
    assert (mine / "thesis.tex").read_text() == "years of work"


@pytest.mark.parametrize("folder", ["good/below", "/proc/trueserve"])
def test_prepare_where_nothing_can_be_written(prepare: Prepare, folder: str) -> None:
    target = prepare.folder / folder
    assert str(target) in prepare.fails(2, baseline=str(target))
