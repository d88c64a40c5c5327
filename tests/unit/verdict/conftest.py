"""What the tests of the verdict share: a baseline, which none of them changes."""

from __future__ import annotations

import pytest
from support.verdict import frame, reference

from trueserve.transforms.verdict.compare import Reference


@pytest.fixture(scope="session")
def baseline() -> Reference:
    return reference(frame(20000, 1))
