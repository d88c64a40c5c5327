"""What mkdocs.yml needs beyond its settings: the pages outside of docs/ in the site, and the links to them.

In the site docs/ is the root. A link in a page leads to the same file there as in the repository.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "benchmarks/*.md", "examples/*/README.md")
_LINK = re.compile(r"\]\((?![a-z]+:|#)([^)#\s]+)(#[^)\s]*)?\)")


def on_files(files: Any, config: Any) -> Any:
    """Adds the pages outside of docs/, and the files that pages link to."""
    from mkdocs.structure.files import File

    pages = [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]
    linked = {path for page in [*pages, *ROOT.glob("docs/*.md")] for path in _linked(page)}
    for path in sorted({*pages, *linked}):
        uri = _uri(path.relative_to(ROOT).as_posix())
        if files.get_file_from_path(uri) is None:
            files.append(File.generated(config, uri, abs_src_path=str(path)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """The page with its links as they are in the site."""
    source = Path(page.file.abs_src_path).relative_to(ROOT).as_posix()
    return _LINK.sub(lambda match: f"]({_in_site(source, match[1])}{match[2] or ''})", markdown)


def _in_site(source: str, link: str) -> str:
    """A link of the file `source`, both relative to the root of the repository, relative to its page."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(source), link))
    return posixpath.relpath(_uri(target), posixpath.dirname(_uri(source)) or ".")


def _uri(path: str) -> str:
    """Where a file of the repository lies in the site."""
    return path.removeprefix("docs/")


def _linked(page: Path) -> set[Path]:
    """The files outside of docs/ that a page links to."""
    links = [match[0] for match in _LINK.findall(page.read_text(encoding="utf-8"))]
    paths = {(page.parent / link).resolve() for link in links}
    return {path for path in paths if path.is_file() and path.is_relative_to(ROOT)}
