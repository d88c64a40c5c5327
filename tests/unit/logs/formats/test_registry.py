"""One list of formats: each has its reader, its name for `--format`, and its row in the documents."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from trueserve.pipelines.flags import reading
from trueserve.transforms.logs.formats import bigquery, registry
from trueserve.transforms.logs.formats.format_names import LOG_FORMATS, Format

ROOT = Path(__file__).parents[4]


def test_every_log_format_has_one_reader() -> None:
    readers = [*registry.DECODERS, *registry.PARSERS]
    assert sorted(readers) == sorted(LOG_FORMATS)


def test_the_command_line_offers_the_list_in_its_order() -> None:
    assert ("auto", *LOG_FORMATS) == reading.FORMATS
    # argparse quotes choices by their repr.
    assert {type(name) for name in reading.FORMATS} == {str}


def test_formats_of_files_alone_are_no_formats_of_logs() -> None:
    assert set(Format) - set(LOG_FORMATS) == {Format.CSV, Format.PARQUET}


def test_formats_of_bigquery_have_a_parser() -> None:
    assert set(bigquery.FORMATS) <= registry.PARSERS.keys()


@pytest.mark.parametrize("page", ["docs/logs.md", "README.md"])
def test_tables_of_formats_list_all_of_them(page: str) -> None:
    table = re.search(
        r"^\| `--format` \|.*\n\|[- |]+\n((?:\|.*\n)+)", (ROOT / page).read_text(), re.MULTILINE
    )
    assert table is not None, f"{page} has no table of formats"
    cells = [row.split("|")[1] for row in table[1].splitlines()]
    assert [name for cell in cells for name in re.findall(r"`(\w+)`", cell)] == [*LOG_FORMATS]


def test_every_format_has_a_section() -> None:
    headings = re.findall(r"^## (\w+)$", (ROOT / "docs/logs.md").read_text(), re.MULTILINE)
    assert set(LOG_FORMATS) <= set(headings)


def test_the_names_import_nothing_heavy() -> None:
    code = (
        "import sys, trueserve.transforms.logs.formats.format_names as names;"
        "print(*sorted({'numpy', 'pyarrow', 'tensorflow', 'numba', 'apache_beam'} & {*sys.modules}))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert run.stdout.strip() == ""
