"""What the documents tell people: commands parse or run, links lead somewhere, sentences are short."""

from __future__ import annotations

import importlib.util
import re
import subprocess
from pathlib import Path

from support.docs import (
    DOCUMENTS,
    PAGES,
    all_shell_commands,
    anchors,
    links,
    make_targets,
    name_of,
    sentences,
    shell_commands,
    text_of,
    words_in,
)
from support.repo import ROOT

from trueserve.pipelines.beam.options import beam_options
from trueserve.pipelines.flags import commands
from trueserve.pipelines.flags.command import make_parser
from trueserve.pipelines.flags.commands import COMMANDS as DECLARED
from trueserve.pipelines.flags.commands import OVERVIEW
from trueserve.transforms.core.errors import TrueserveError
from trueserve.transforms.verdict.findings import representation as representation_findings
from trueserve.transforms.verdict.findings import transformed as transformed_findings
from trueserve.transforms.verdict.model import FindingKind
from trueserve.transforms.verdict.significance import LEAST_EFFECT, MISSING_METRIC

README = text_of(ROOT / "README.md")
COMMANDS = {"prepare", "adopt", "export", "check", "validate", "backtest", "join"}
COMMANDS |= {"explain", "history", "alerts", "run", "backfill", "gate", "prune", "init", "config"}
MOST_WORDS = 35
#: Sentences that may be longer, none so far.
LONG_SENTENCES: frozenset[str] = frozenset()
BY_HAND = "by hand: it downloads 3 GB"
NEVER = "never run: there is no container engine, no cluster and no account here (docs/first_week.md)"
PORTABLE = "tests/e2e/test_portable_runner.py"
#: Commands that are not `trueserve`'s, or what they begin with, each with what runs them.
RUN_ELSEWHERE = {
    "make": "tests/repo/test_readme.py",  # its targets exist
    "python3 make_data.py": "tests/e2e/test_readme_example.py",
    "python tests/e2e/test_readme_example.py": "tests/e2e/test_readme_example.py",
    "python -m apache_beam.runners.portability.local_job_service_main --port=8099": PORTABLE,
    "python -m apache_beam.runners.worker.worker_pool_main --service_port=50000": PORTABLE,
    "docker": NEVER,
    "kubectl": NEVER,
    "gcloud": NEVER,
    "cp": "tests/deploy.py",
    "systemctl": "tests/deploy.py",
    "dask scheduler --port=8786": "tests/e2e/test_dask.py",
    "dask worker tcp://scheduler:8786 --nthreads=1": "tests/e2e/test_dask.py",
    "python setup.py sdist": "tests/repo/test_packaging.py",
    "python3.11 -m venv env": BY_HAND,
    "python -m venv /tmp/uv && /tmp/uv/bin/pip install uv": BY_HAND,
    "python -m constraints.lock --uv=/tmp/uv/bin/uv": "tests/repo/test_pins.py",
    "pip install --no-deps --require-hashes -r constraints/tfdv-1.16.txt": BY_HAND,
    "pip install --no-deps .": BY_HAND,
    "env/bin/pip install . --constraint=constraints/versions/tfdv-1.16.txt": BY_HAND,
    "env/bin/pip wheel . --no-deps --wheel-dir=dist": BY_HAND,
    (
        "env/bin/pip install dist/trueserve-0.1.0-py3-none-any.whl"
        " --constraint=constraints/versions/tfdv-1.16.txt"
    ): BY_HAND,
}


def complaint(command: list[str]) -> str:
    """What the command line, or Beam, has against a `trueserve` command; empty if nothing."""
    try:
        parser = make_parser(DECLARED.values(), OVERVIEW, "0")
        parsed, rest = parser.parse_known_args(command[1:])
        if rest and not DECLARED[parsed.command].takes_beam_flags:
            return f"{parsed.command} has no {rest[0]}"
        beam_options(rest)
    except TrueserveError as error:
        return str(error)
    return ""


def test_the_scan_sees_what_it_must() -> None:
    shell = "```sh\ntrueserve prepare --a='x y' \\\n    --b=1  # why\nls\n```\n\n```text\nno\n```\n"
    assert shell_commands(shell) == [["trueserve", "prepare", "--a=x y", "--b=1"], ["ls"]]
    assert make_targets("`make PYTHON=p demo` and\nmake test  # all\n") == {"demo", "test"}
    assert links("[a](b.md#c) and `[x](y)`\n") == ["b.md#c"]
    assert anchors("# TFDV's `--a=B` way\n```sh\n# none\n```\n") == {"tfdvs---ab-way"}
    text = "# Title\nOne. Two `x y`\nmore!\n\n- three\n- four\n\n| five | six |\n\n    code is none\n"
    assert list(sentences(text)) == ["One.", "Two code more!", "three", "four", "", "five", "six", ""]
    assert words_in("It is 1.5 %, isn't it?") == 5


def test_every_command_of_ours_is_taken_by_the_command_line() -> None:
    ours = [(page, line) for page, line in all_shell_commands() if line[0] == "trueserve"]
    wrong = {f"{page}: {' '.join(line)}": message for page, line in ours if (message := complaint(line))}
    assert wrong == {}
    assert {line[1] for page, line in ours if page == "README.md"} == COMMANDS


def test_a_mistyped_flag_would_be_seen() -> None:
    line = ["trueserve", "validate", "--logs=l", "--output=o"]
    assert complaint(line) == ""
    assert "--bassline" in complaint([*line, "--bassline=b"])
    assert "--only" in complaint(
        ["trueserve", "export", "--baseline=b", "--model=m", "--output=o", "--only=x"]
    )


def test_every_other_command_is_run_by_something() -> None:
    others = {" ".join(line) for _, line in all_shell_commands() if line[0] != "trueserve"}
    unknown = {line for line in others if not {line, line.split()[0]} & RUN_ELSEWHERE.keys()}
    assert unknown == set()
    files = {by for by in RUN_ELSEWHERE.values() if by not in (BY_HAND, NEVER)}
    assert {file for file in files if not (ROOT / file).is_file()} == set()
    used = {name for line in others for name in (line, line.split()[0])}
    assert RUN_ELSEWHERE.keys() - used == set()


def test_targets_of_make_exist() -> None:
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    known = set(re.findall(r"^make (\S+)", shown, flags=re.MULTILINE))
    unknown = {name_of(path): make_targets(text_of(path)) - known for path in DOCUMENTS}
    assert {page: targets for page, targets in unknown.items() if targets} == {}
    assert {"demo", "test", "help"} <= known


def test_links_and_anchors_lead_somewhere() -> None:
    assert [f"{name_of(path)}: {link}" for path in DOCUMENTS for link in broken(path)] == []


def broken(path: Path) -> list[str]:
    """The relative links of a document whose file, or whose anchor in it, is not there."""
    return [link for link in links(text_of(path)) if "://" not in link and not leads(path, link)]


def leads(path: Path, link: str) -> bool:
    file, _, anchor = link.partition("#")
    target = path if not file else path.parent / file
    return target.exists() and (not anchor or anchor in anchors(text_of(target)))


def test_a_broken_link_would_be_seen(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# There\n")
    page = tmp_path / "a.md"
    page.write_text("# Here\n[1](b.md) [2](b.md#there) [3](#here) [4](c.md) [5](b.md#gone) [6](#gone)\n")
    assert broken(page) == ["c.md", "b.md#gone", "#gone"]


def test_every_page_is_in_the_map_and_in_the_site() -> None:
    names = {path.name for path in (ROOT / "docs").glob("*.md")} - {"index.md"}
    index, site = text_of(ROOT / "docs" / "index.md"), text_of(ROOT / "mkdocs.yml")
    assert {name for name in names if f"({name})" not in index} == set()
    assert {
        name for name in names if not re.search(rf"[ :] {re.escape(name)}$", site, flags=re.MULTILINE)
    } == set()


def test_links_of_the_site_are_those_of_the_repository() -> None:
    spec = importlib.util.spec_from_file_location("site_hooks", ROOT / "docs" / "site_hooks.py")
    assert spec is not None
    assert spec.loader is not None
    hooks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(hooks)
    assert hooks._in_site("docs/speed.md", "../benchmarks/RESULTS.md") == "benchmarks/RESULTS.md"
    assert hooks._in_site("README.md", "docs/join.md") == "join.md"
    assert hooks._in_site("benchmarks/DETECTION.md", "../docs/detection.md") == "../detection.md"
    assert hooks._in_site("examples/flights/README.md", "../../docs/verdict.md") == "../../verdict.md"


def test_exit_codes_are_those_of_the_help() -> None:
    table = re.findall(r"^\| (\d) \| (.+) \|$", README, flags=re.MULTILINE)
    helped = re.findall(r"^  (\d)  (.+)$", commands.EXIT_CODES_HELP, flags=re.MULTILINE)
    assert [code for code, _ in table] == [code for code, _ in helped]
    pairs = [(means, help_text) for (_, means), (_, help_text) in zip(table, helped, strict=True)]
    assert [help_text for means, help_text in pairs if help_text.split()[0].strip(",;") not in means] == []
    assert {name for name in COMMANDS if f"`{name}`" not in "".join(means for _, means in table[:2])} == set()


def test_every_kind_of_finding_is_explained() -> None:
    page = text_of(ROOT / "docs" / "findings.md")
    assert {kind.value for kind in FindingKind} - anchors(page) == set()
    metrics = {
        *transformed_findings.LEAST_EFFECT,
        *representation_findings.FOREIGN_FORMS,
        *LEAST_EFFECT,
    }
    metrics = metrics - {"missing_share"} | {MISSING_METRIC}
    assert {metric for metric in metrics if f"`{metric}`" not in page} == set()


def test_sentences_are_short() -> None:
    long = [
        f"{name_of(page)}: {words_in(sentence)} words: {sentence}"
        for page in PAGES
        for sentence in sentences(text_of(page))
        if words_in(sentence) > MOST_WORDS and sentence not in LONG_SENTENCES
    ]
    assert long == []
