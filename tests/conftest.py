"""What the end-to-end tests share: a baseline made by the real command, and logs of requests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support import collector, shared_folders, unsynced_disk
from support.shared_folders import shared_folder

# The process that starts the workers reads this file, too, and needs none of what is heavy.
if TYPE_CHECKING:
    from support.browser import Browser
    from support.homes import Home, Served

# Whether a commit passes must not hang on luck: `make test` has the same examples everywhere, `make explore`
# looks for others.
# Without a deadline: a test never fails by how fast the machine is just now.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
hypothesis.settings.load_profile("same")


def pytest_collection_finish() -> None:
    if "apache_beam" in sys.modules:
        from support import beam_parameters

        beam_parameters.remember()
    unsynced_disk.use()
    collector.resume()


@pytest.fixture(scope="session", autouse=True)
def _folder_of_run(request: pytest.FixtureRequest) -> None:
    shared_folders.of_run = shared_folders.folder_of_run(request)


@pytest.fixture(scope="session")
def home(request: pytest.FixtureRequest) -> Home:
    from support import homes

    return homes.home_in(shared_folder(request, "rides", homes.make_home))


@pytest.fixture(scope="session")
def served(home: Home, request: pytest.FixtureRequest) -> Served:
    from support import homes

    folder = shared_folder(request, "replay", lambda folder: homes.export_served(home, folder))
    return homes.served_in(home, folder)


@pytest.fixture(scope="session")
def skewed_here(home: Home, request: pytest.FixtureRequest) -> Path:
    """The output of `validate` on the skewed log, run as a plain user does; tests only read it."""
    from support import homes

    return shared_folder(request, "skewed-here", lambda folder: homes.validate_skewed(home, folder))


@pytest.fixture(scope="session")
def past_here(home: Home, request: pytest.FixtureRequest) -> Path:
    """A folder with `logs`, of several days, and the `output` of `backtest` on them; tests only read it."""
    from support import homes

    return shared_folder(request, "past-here", lambda folder: homes.backtest_past(home, folder))


@pytest.fixture(scope="session")
def small_home(request: pytest.FixtureRequest) -> Path:
    """A folder with `baseline/`, of 60 rows, and a model on it in `model.keras`; tests change copies."""

    def fill(folder: Path) -> None:
        from support import export as support  # loads Keras, which few tests need

        support.make_baseline(folder)
        support.keras_model().save(folder / "model.keras")

    return shared_folder(request, "small", fill)


@pytest.fixture
def asked_here() -> Iterator[None]:
    """`check` and `export` ask in this process, not in a fresh one, whose start takes 8 s of a processor."""
    from support.asked_here import asked_here

    with asked_here():
        yield


@pytest.fixture(params=["local", "memory"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty folder on each kind of file system: a disk, and a store."""
    from support.memory_files import OBJECTS

    OBJECTS.clear()
    return str(tmp_path) if request.param == "local" else "memory://bucket/folder"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    from support.browser import browsing, chromium

    if chromium() is None:
        pytest.skip("no Chromium is installed: the pages are not looked at in a browser")
    with browsing() as started:
        yield started


@pytest.fixture
def report(browser: Browser, tmp_path: Path) -> Browser:
    """The browser, with a page of incidents and earlier runs."""
    from support import page_documents

    entries = [page_documents.make_entry("carrier", 0.02), page_documents.make_entry("fare", 0.001)]
    earlier_runs = [page_documents.past_run(day, entries) for day in (1, 2)]
    return browser.show(tmp_path, page_documents.rendered(earlier_runs))
