"""Contracts of served versions, by the forms that a folder may have them in."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trueserve.transforms.baseline import served_contracts
from trueserve.transforms.core.errors import UsageError

CONTRACT = {"digests": {"graph": "g", "assets": {"words": "w"}, "preprocessing_source": "p"}, "label": None}


def write(folder: Path, *names: str, content: str = json.dumps(CONTRACT)) -> str:
    for name in names:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    return str(folder)


def test_each_form_of_a_folder(tmp_path: Path) -> None:
    folder = write(
        tmp_path, "7/assets.extra/contract.json", "8/contract.json", "9.json", "7/saved_model.pb", "notes.txt"
    )
    write(tmp_path, "10/deep/contract.json", "11/other.json")
    assert served_contracts.load(folder) == {"7": CONTRACT, "8": CONTRACT, "9": CONTRACT}


@pytest.mark.parametrize(
    "names", [("7/assets.extra/contract.json", "7/contract.json"), ("7.json", "7/contract.json")]
)
def test_a_version_with_two_contracts(tmp_path: Path, names: tuple[str, str]) -> None:
    folder = write(tmp_path, *names)
    with pytest.raises(UsageError, match=r"--contracts: version 7 has two contracts in"):
        served_contracts.load(folder)


def test_a_folder_without_contracts(tmp_path: Path) -> None:
    folder = write(tmp_path, "notes.txt")
    with pytest.raises(
        UsageError, match=r"--contracts: no contract in .*; expected VERSION/assets\.extra/contract\.json"
    ):
        served_contracts.load(folder)
    with pytest.raises(UsageError, match="--contracts: "):
        served_contracts.load(str(tmp_path / "absent"))


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        "null",
        "{}",
        '{"digests": {}}',
        '{"digests": {"graph": "g"}}',
        '{"digests": {"graph": "g", "assets": []}}',
    ],
)
def test_a_file_that_is_no_contract(tmp_path: Path, content: str) -> None:
    folder = write(tmp_path, "7.json", content=content)
    with pytest.raises(UsageError, match=r"7\.json is not a contract written by `trueserve prepare`"):
        served_contracts.load(folder)


def test_digests_are_texts(tmp_path: Path) -> None:
    folder = write(tmp_path, "7.json", content='{"digests": {"graph": 5, "assets": {"a": 6}}, "later": 1}')
    assert served_contracts.load(folder)["7"] == {"digests": {"graph": "5", "assets": {"a": "6"}}, "later": 1}
