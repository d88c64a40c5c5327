"""What the end-to-end tests share: a baseline made by the real command, and logs of requests."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest
from support import collector

# The process that starts the workers reads this file, too, and needs none of what is heavy.
if TYPE_CHECKING:
    from support.homes import Home, Served

# Whether a commit passes must not hang on luck: `make test` has the same examples everywhere, `make explore`
# looks for others.
# Without a deadline: a test never fails by how fast the machine is just now.
hypothesis.settings.register_profile("same", derandomize=True, deadline=None)
hypothesis.settings.register_profile("explore", derandomize=False, deadline=None, print_blob=True)
hypothesis.settings.load_profile("same")


def pytest_collection_finish() -> None:
    collector.resume()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    from support import homes

    return homes.make_home(tmp_path_factory.mktemp("rides"))


@pytest.fixture(scope="session")
def served(home: Home, tmp_path_factory: pytest.TempPathFactory) -> Served:
    from support import homes

    return homes.export_served(home, tmp_path_factory.mktemp("replay"))


@pytest.fixture(scope="session")
def small_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `baseline/`, of 60 rows, and a model on it in `model.keras`; tests change copies."""
    from support import export as support  # loads Keras, which few tests need

    folder = tmp_path_factory.mktemp("small")
    support.make_baseline(folder)
    support.keras_model().save(folder / "model.keras")
    return folder


@pytest.fixture(params=["local", "memory"])
def base(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty folder on each kind of file system: a disk, and a store."""
    from support.memory_files import OBJECTS

    OBJECTS.clear()
    return str(tmp_path) if request.param == "local" else "memory://bucket/folder"
