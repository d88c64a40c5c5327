"""Which lines of standard error come of native code or workers, by those that TensorFlow and Beam wrote."""

from __future__ import annotations

import pytest

from trueserve.transforms.core import native_logs

LOGGED = {
    "I": [
        "I0000 00:00:1795927033.045042    5714 port.cc:153] oneDNN custom operations are on.\n",
        "I0000 00:00:1795926096.745367   16795 cudart_stub.cc:31] Could not find cuda drivers\n",
        "2026-11-29 04:49:02.145154: I tensorflow/core/platform/cpu_feature_guard.cc:210] This binary\n",
    ],
    "W": [
        "W0000 00:00:1795929182.533249    6334 local_rendezvous.cc:412] Local rendezvous is aborting\n",
        "2026-11-29 04:49:18.171059: W tensorflow/compiler/tf2tensorrt/utils/py_utils.cc:38] TF-TRT\n",
    ],
    "E": ["E0000 00:00:1795929181.476277    6334 cuda_platform.cc:52] failed call to cuInit: INTERNAL\n"],
    "F": ["F0000 00:00:1795929181.476277    6334 tensor.cc:852] Check failed: 1 == 2\n"],
}
NOTES = [
    "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n",
    "Unable to import IPython: No module named 'IPython'. \n",
    'TFDV visualization APIs will not function. To use visualization features, install TFDV using "pip"\n',
]
WORKERS = {
    1: [
        "INFO:apache_beam.runners.worker.sdk_worker:Control channel established.\n",
        "INFO:absl:Feature tags has no shape. Setting to varlen_sparse_tensor.\n",
        "DEBUG:root:x\n",
    ],
    2: ["WARNING:root:crcmod package not found.\n"],
    10: [
        "ERROR:apache_beam.runners.worker.sdk_worker:Error processing\n",
        "CRITICAL:root:x\n",
    ],
}
OTHERS = [
    "trueserve: error: no file matches 'I0000'\n",
    "Traceback (most recent call last):\n",
    "WARNING: the disk is full\n",
    "I0000 is a name\n",
    "2026-11-29 04:49:02 something else\n",
    "terminate called without an active exception\n",
    "\n",
]


@pytest.mark.parametrize(("level", "hidden"), [(0, ""), (1, "I"), (2, "IW"), (3, "IWE"), (9, "IWE")])
def test_as_many_severities_are_hidden_as_the_level_says(level: int, hidden: str) -> None:
    for severity, lines in LOGGED.items():
        assert {native_logs.is_hidden(line, level) for line in lines} == {severity in hidden}, severity


@pytest.mark.parametrize("level", range(4))
def test_workers_errors_are_shown_and_what_is_less_is_not(level: int) -> None:
    for hidden_from, lines in WORKERS.items():
        assert {native_logs.is_hidden(line, level) for line in lines} == {level >= hidden_from}


@pytest.mark.parametrize("line", NOTES)
def test_notes_go_with_any_severity(line: str) -> None:
    assert [native_logs.is_hidden(line, level) for level in range(4)] == [False, True, True, True]


@pytest.mark.parametrize("line", OTHERS)
def test_other_lines_are_shown(line: str) -> None:
    assert not native_logs.is_hidden(line)


@pytest.mark.parametrize(("value", "level"), [(None, 3), ("3", 3), ("1", 1), ("0", 0), ("", 0), ("x", 0)])
def test_level_is_that_of_tensorflow(monkeypatch: pytest.MonkeyPatch, value: str | None, level: int) -> None:
    monkeypatch.delenv(native_logs.LEVEL, raising=False)
    if value is not None:
        monkeypatch.setenv(native_logs.LEVEL, value)
    assert native_logs.level() == level
