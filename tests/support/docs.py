"""The documents as tests read them: their commands, their links and anchors, their sentences."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from support.repo import ROOT

#: What people read first, and what the sentence check is for.
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "examples").glob("*/*.md"),
    ]
)
#: Every document whose links must lead somewhere.
DOCUMENTS = sorted({*PAGES, *ROOT.glob("*.md"), *(ROOT / "benchmarks").glob("*.md")})

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", flags=re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_ITEM = re.compile(r"\s*(?:[-*]|\d+\.)\s+(.*)")
_WORD = re.compile(r"\w[\w'’.,-]*")


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """The content of the fenced blocks in a language."""
    return [match[3] for match in _FENCE.finditer(text) if match[2] == language]


def shell_commands(text: str) -> list[list[str]]:
    """The command lines of a document's `sh` blocks as words: continued lines joined, comments left out."""
    lines = "".join(blocks(text, "sh")).replace("\\\n", " ").splitlines()
    commands = [shlex.split(line, comments=True) for line in lines]
    return [line for line in commands if line]


def all_shell_commands() -> list[tuple[str, list[str]]]:
    """Those of every page, each with the page's name."""
    return [(name_of(path), command) for path in PAGES for command in shell_commands(text_of(path))]


def make_targets(text: str) -> set[str]:
    """The targets of the `make ...` commands in a document's code."""
    code = re.findall(r"`([^`\n]+)`", text) + re.findall(r"^(?:make .*)$", text, flags=re.MULTILINE)
    lines = [line.split("#")[0].split() for line in code]
    arguments = [word for line in lines if line[:1] == ["make"] for word in line[1:]]
    return {word for word in arguments if "=" not in word and word != "..."}


def links(text: str) -> list[str]:
    """The targets of links, without those in code."""
    return _LINK.findall(_without_code(text))


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to the headings of a document."""
    titles = re.findall(r"^#{1,6} (.+)$", _FENCE.sub("", text), flags=re.MULTILINE)
    plain = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in titles]
    return {re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-") for title in plain}


def sentences(text: str) -> Iterator[str]:
    """The sentences of paragraphs, list items and cells of tables; a span of code is one word."""
    for block in _paragraphs(_FENCE.sub("\n", re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL))):
        plain = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", re.sub(r"`[^`]*`", "code", block))
        yield from re.split(r"(?<=[.!?])[\"')*]*\s+", plain)


def words_in(sentence: str) -> int:
    return len(_WORD.findall(sentence))


def _without_code(text: str) -> str:
    return re.sub(r"`[^`\n]*`", "code", _FENCE.sub("", text))


def _paragraphs(text: str) -> Iterator[str]:
    gathered: list[str] = []
    for line in [*text.splitlines(), ""]:
        item = _ITEM.fullmatch(line)
        is_code = line.startswith("    ") and not gathered and item is None
        if gathered and (not line.strip() or line.startswith(("#", "|")) or item):
            yield " ".join(gathered)
            gathered = []
        if line.startswith("|"):
            yield from (cell.strip() for cell in re.split(r"(?<!\\)\|", line))
        elif line.strip() and not line.startswith("#") and not is_code:
            gathered.append(item[1] if item else line.strip())
