"""Secrets: read late, from the environment or a file, and hidden wherever a message could show them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from trueserve.transforms.alerts.secrets import HIDDEN, Secret, SecretError, redacted

URL = "https://user:pa55word%2F1@hooks.example.com/services/T00000000/B0000/s3cr3t%2Ftoken?key=abcdefgh1"


def test_secret_is_read_from_the_environment_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("  s3cr3t\n")
    assert Secret("env:KEY").value({"KEY": " s3cr3t"}) == "s3cr3t"
    assert Secret(f"file:{tmp_path}/key").value({}) == "s3cr3t"


@pytest.mark.parametrize("content", [b"", b" \n", b"a\nb", b"\xff\xfe", b"a\x1b[0m", b"x" * (65 << 10)])
def test_what_is_no_secret_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key"
    path.write_bytes(content)
    with pytest.raises(SecretError) as caught:
        Secret(f"file:{path}").value({})
    assert str(caught.value).startswith(f"file:{path} ")
    assert "\n" not in str(caught.value)


def test_missing_secret_and_pipe_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for reference in ("env:NONE", f"file:{tmp_path}/none", f"file:{tmp_path}/pipe", f"file:{tmp_path}"):
        with pytest.raises(SecretError, match=reference):
            Secret(reference).value({})


@pytest.mark.parametrize(
    "part", [URL, "pa55word/1", "T00000000", "s3cr3t/token", "s3cr3t%2Ftoken", "abcdefgh1"]
)
def test_parts_of_a_url_are_hidden_however_they_are_written(part: str) -> None:
    shown = redacted(f"cannot open {part}: no route", [URL])
    assert part not in shown
    assert HIDDEN in shown
    assert shown.startswith("cannot open ")


def test_words_that_are_no_secret_stay() -> None:
    assert (
        redacted("services are away at hooks.example.com", [URL]) == "services are away at hooks.example.com"
    )
