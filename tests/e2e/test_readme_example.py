"""The sixty seconds of README.md, as it says: its files, its commands, and what it says that they print.

`python tests/e2e/test_readme_example.py` writes what they print now into README.md.
"""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from support.docs import blocks, shell_commands, text_of
from support.repo import ROOT

from trueserve.pipelines import cli

README = ROOT / "README.md"
SECTION = "## Sixty seconds on your own data"


def section() -> str:
    """The section's text, up to the next one."""
    return text_of(README).partition(SECTION)[2].partition("\n## ")[0]


def run_example(folder: Path) -> tuple[list[int], str]:
    """Types what the section says, in `folder`: the exit codes, and what the last command prints."""
    preprocessing, make_data = blocks(section(), "python")
    (folder / "preprocessing.py").write_text(preprocessing, encoding="utf-8")
    (folder / "make_data.py").write_text(make_data, encoding="utf-8")
    first, *others = shell_commands(section())
    assert first == ["python3", "make_data.py"]
    codes = [subprocess.run([sys.executable, "make_data.py"], cwd=folder, check=False).returncode]
    printed = ""
    for argv in others:
        with contextlib.chdir(folder), contextlib.redirect_stdout(io.StringIO()) as out:
            codes.append(cli.main(argv[1:]))
        printed = out.getvalue()
    return codes, printed


def without_times(printed: str) -> list[str]:
    """The lines, without how fast it was: that is another each time."""
    return [re.sub(r", [\d,.]+ rows/s.*", "", line) for line in printed.strip().splitlines()]


def test_the_example_prints_what_the_readme_says(tmp_path: Path) -> None:
    codes, printed = run_example(tmp_path)
    [shown] = blocks(section(), "text")
    assert without_times(printed) == without_times(shown)
    assert codes == [0, 0, 1]
    assert (tmp_path / "skew" / "report.html").is_file()


def write() -> None:
    """Puts what the example prints into README.md."""
    with tempfile.TemporaryDirectory() as folder:
        _, printed = run_example(Path(folder))
    [shown] = blocks(section(), "text")
    README.write_text(text_of(README).replace(shown, printed.strip() + "\n"), encoding="utf-8")


if __name__ == "__main__":
    write()
