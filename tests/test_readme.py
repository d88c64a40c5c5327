"""What the documents tell people to type: every command parses, every target and every file exists."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

import pytest

from pipelines import cli, help_texts
from pipelines.beam_options import beam_options

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "examples").glob("*/*.md")])


def commands(text: str) -> list[list[str]]:
    """The `trueserve ...` command lines in a document's shell blocks, continuation lines joined, as words."""
    blocks = re.findall(r"^```(?:sh|bash|console)\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)
    lines = "".join(blocks).replace("\\\n", " ").splitlines()
    words = [shlex.split(line.removeprefix("$ "), comments=True) for line in lines]
    return [line[1:] for line in words if line and line[0].endswith("trueserve")]


def targets(text: str) -> set[str]:
    """The targets of the `make ...` commands in a document's code."""
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^(?:make .*)$", text, flags=re.MULTILINE)
    lines = [line.split("#")[0].split() for line in code]
    return {
        word
        for line in lines
        if line[:1] == ["make"]
        for word in line[1:]
        if "=" not in word and word != "..."
    }


def _commands_of_documents() -> list[list[str]]:
    return [command for path in DOCUMENTS for command in commands(path.read_text(encoding="utf-8"))]


def test_the_scan_sees_what_it_must() -> None:
    shell = "```sh\n$ trueserve prepare --a='x y' \\\n    --b=1  # why\nls\nmake test\n```\n"
    text = f"{shell}and `make PYTHON=p demo`"
    assert commands(text) == [["prepare", "--a=x y", "--b=1"]]
    assert targets(text) == {"test", "demo"}
    readme = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert {command[0] for command in readme} == {
        "prepare",
        "export",
        "check",
        "validate",
        "backtest",
        "join",
    }


@pytest.mark.parametrize("command", _commands_of_documents(), ids=" ".join)
def test_command_is_taken_by_the_command_line(command: list[str]) -> None:
    parsed, rest = cli._parser().parse_known_args(command)
    assert parsed.command == command[0]
    assert parsed.command != "export" or not rest
    beam_options(rest)  # raises on a flag that Beam does not take either


def test_mistyped_flag_would_be_seen() -> None:
    _, rest = cli._parser().parse_known_args(["validate", "--logs=l", "--output=o", "--bassline=b"])
    with pytest.raises(Exception, match="--bassline"):
        beam_options(rest)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_targets_exist(path: Path) -> None:
    told = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    known = set(re.findall(r"^make (\S+)", told, flags=re.MULTILINE))
    made = {
        "demo",
        "test",
        "explore",
        "chaos",
        "lint",
        "types",
        "bench",
        "bench-quick",
        "detection",
        "detection-quick",
        "help",
        "clean",
    }
    assert made == known
    assert targets(path.read_text(encoding="utf-8")) <= known


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(path: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)[^)]*\)", path.read_text(encoding="utf-8"))
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not (path.parent / link).exists()] == []


def test_exit_codes_are_those_of_the_help() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| (\d) \| (.+) \|$", readme, flags=re.MULTILINE)
    told = re.findall(r"^  (\d)  (.+)$", help_texts.EXIT_CODES, flags=re.MULTILINE)
    assert [code for code, _ in table] == [code for code, _ in told]
    assert all(
        words.split()[0].strip(",;") in means for (_, means), (_, words) in zip(table, told, strict=True)
    )
