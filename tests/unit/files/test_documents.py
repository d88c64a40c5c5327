"""A document whose write fails is the old one, whole; one that is written is the new one."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.failing_output import WAYS, FailingOutput

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import documents, paths

OLD, NEW = b"the document of yesterday", b"of today"


@pytest.mark.parametrize(("kind", "how", "lasting"), WAYS)
def test_a_document_is_the_old_one_or_the_new_one(tmp_path: Path, kind: str, how: str, lasting: bool) -> None:
    target = FailingOutput(kind, how, lasting, tmp_path)
    path = paths.join(target.output, "join.json")
    documents.replace(path, OLD)
    fails = how not in {"folder", "stored"}  # there it is written all the same
    with target.failing(0) as was_reached:
        try:
            documents.replace(path, NEW)
            failed = False
        except InputError:
            failed = True
        assert was_reached()
    assert failed == fails
    assert paths.read_bytes(path) == (OLD if fails else NEW)


def test_a_first_document_that_fails_leaves_none(tmp_path: Path) -> None:
    target = FailingOutput("store", "half", False, tmp_path)
    path = paths.join(target.output, "join.json")
    with target.failing(0), pytest.raises(InputError):
        documents.replace(path, NEW)
    assert not paths.exists(path)
