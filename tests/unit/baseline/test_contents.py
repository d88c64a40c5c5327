"""The files of a baseline, verified: each way in which they can be others, and what is said of it."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest

from trueserve.transforms.baseline import contents
from trueserve.transforms.baseline.contents import Contents, FileDigest
from trueserve.transforms.core.errors import UsageError
from trueserve.transforms.files import paths

FILES = {
    "a": b"alpha",
    "schema": b"features",
    "closed/x": b"graph",
    "closed/deep/y": b"words",
    "examples/1": b"rows",
}


@pytest.fixture
def folder(base: str) -> str:
    for name, data in FILES.items():
        path = paths.join(base, name)
        if "://" not in base:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
        paths.write_atomically(path, data)
    return base


def of(folder: str) -> Contents:
    return Contents(folder, {name: contents.digest_of(data) for name, data in FILES.items()})


def check(folder: str) -> None:
    of(folder).check_sizes(edited=("schema",), closed="closed", optional="examples")


def refusal(call: Any, *arguments: Any) -> str:
    with pytest.raises(UsageError) as error:
        call(*arguments)
    return str(error.value)


def write(folder: str, name: str, data: bytes) -> None:
    paths.write_atomically(paths.join(folder, name), data)


def delete(folder: str, name: str) -> None:
    paths.delete_file(paths.join(folder, name))


def test_digests_are_those_of_the_bytes(folder: str) -> None:
    expected = {n: FileDigest(len(d), hashlib.sha256(d).hexdigest()) for n, d in FILES.items()}
    assert contents.record(folder, FILES) == expected
    assert list(contents.record(folder, ["closed/x", "a"])) == ["a", "closed/x"]
    assert of(folder).below("closed") == ["closed/deep/y", "closed/x"]
    assert of(folder).below("clo") == []


def test_what_prepare_wrote_is_whole(folder: str) -> None:
    check(folder)
    write(folder, "beside", b"of the user")
    write(folder, "schema", b"edited by the user")
    check(folder)


def test_a_missing_file_is_named(folder: str) -> None:
    delete(folder, "closed/x")
    assert refusal(check, folder) == (
        f"the baseline {folder} is incomplete: closed/x is missing; restore it from a copy, or run trueserve"
        " prepare or adopt again"
    )
    write(folder, "closed/x", b"graph")
    delete(folder, "schema")
    assert "schema is missing" in refusal(check, folder)


def test_a_file_of_another_size_is_named(folder: str) -> None:
    write(folder, "a", b"x" * 1234)
    assert refusal(check, folder) == (
        f"the baseline {folder} is damaged: a has 1,234 bytes, expected 5; restore it from a copy, or run"
        " trueserve prepare or adopt again"
    )


def test_a_folder_that_may_be_missing_may_do_so_as_a_whole(folder: str) -> None:
    delete(folder, "examples/1")
    check(folder)


def test_a_part_of_what_may_be_missing_is_named(folder: str) -> None:
    two = {**FILES, "examples/2": b"more"}
    write(folder, "examples/2", b"more")
    delete(folder, "examples/1")
    all_files = Contents(folder, {name: contents.digest_of(data) for name, data in two.items()})
    message = refusal(lambda: all_files.check_sizes(edited=(), closed="closed", optional="examples"))
    assert "examples/1 is missing" in message


def test_a_file_too_many_is_named_where_none_may_be(folder: str) -> None:
    write(folder, "closed/z", b"")
    assert refusal(check, folder) == (
        f"the baseline {folder} holds closed/z, which trueserve prepare did not write; expected only its own"
        " files in closed; move it elsewhere"
    )


def test_files_are_read_as_they_were_written_or_not_at_all(folder: str) -> None:
    assert of(folder).read("a") == b"alpha"
    of(folder).check("closed")
    write(folder, "a", b"alphb")
    write(folder, "closed/x", b"grap")
    sha = [hashlib.sha256(data).hexdigest()[:12] for data in (b"alphb", b"alpha")]
    assert f"a has the SHA-256 {sha[0]}…, expected {sha[1]}…" in refusal(of(folder).read, "a")
    assert "closed/x has 4 bytes, expected 5" in refusal(of(folder).check, "closed")
    of(folder).check("examples")
    assert of(folder).read_edited("a") == b"alphb"
    assert of(folder).is_edited("a", b"alphb") is True
    assert of(folder).is_edited("a", b"alpha") is False
    delete(folder, "a")
    assert f"the baseline {folder} cannot be read: " in refusal(of(folder).read_edited, "a")


def test_a_folder_and_a_file_are_local_for_a_while(folder: str) -> None:
    is_local = "://" not in folder
    with of(folder).local("closed") as local:
        assert Path(local, "x").read_bytes() == b"graph"
        assert Path(local, "deep", "y").read_bytes() == b"words"
        assert (local == f"{folder}/closed") is is_local
    assert Path(local).exists() is is_local
    with of(folder).local_file("closed/deep/y") as file:
        assert Path(file).read_bytes() == b"words"
        assert (file == f"{folder}/closed/deep/y") is is_local
        assert Path(file).name == "y"
    assert Path(file).exists() is is_local
    write(folder, "closed/deep/y", b"sword")
    for name in ("closed", "closed/deep/y"):
        kept = of(folder).local_file if "/" in name else of(folder).local
        with pytest.raises(UsageError, match="closed/deep/y has the SHA-256"), kept(name):
            pass
