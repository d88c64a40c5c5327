"""Parts of the way that a log goes, alone: so that more inputs reach them, and in smaller pieces."""

from __future__ import annotations

import contextlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from trueserve.transforms.columnar.framing import read_blocks
from trueserve.transforms.core.accounting import Accounting
from trueserve.transforms.core.batches import Decoded, Fault, Reject
from trueserve.transforms.files.file_systems import FileSize
from trueserve.transforms.files.tfrecord import TFRecordError
from trueserve.transforms.logs.bodies.instances import Bodies
from trueserve.transforms.logs.bodies.json_text import load, load_object
from trueserve.transforms.logs.columns.values import typed_columns
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.request import BadRecordError

Read = Iterator[Decoded | Fault]


def frames(file: FileSize, _format: Format, _settings: Settings) -> Read:
    """Small files of TFRecords, each with its length before it, in windows of a few bytes."""
    data, position, num_good = Path(file.path).read_bytes(), 0, 0
    rejects: list[Reject] = []
    while position < len(data):
        start = position + 4
        position = start + int.from_bytes(data[position:start], "little")
        try:
            for block in read_blocks(io.BytesIO(data[start:position]), block_bytes=64, block_records=2):
                assert sum(len(block.record(i)) for i in range(len(block))) == block.num_bytes
            num_good += 1
        except TFRecordError as error:
            rejects.append(Reject(file.path, num_good + len(rejects), error.reason, error.detail))
    reasons = Counter(reject.reason for reject in rejects)
    yield Decoded(None, tuple(rejects), Accounting(num_good + len(rejects), num_good, reasons))


def json_texts(file: FileSize, _format: Format, settings: Settings) -> Read:
    """Every line a JSON text whose value is that of all features."""
    assert settings.expected is not None
    names = list(settings.expected.types)
    return _each_line(file, settings, lambda line: [dict.fromkeys(names, load(line))])


def bodies(file: FileSize, _format: Format, settings: Settings) -> Read:
    """Every line a body, of whatever protocol, and CSV."""
    reader = Bodies(settings)

    def rows(line: bytes) -> Sequence[Any]:
        _tolerant(lambda: reader.csv(line.decode("utf-8", "surrogateescape")))
        body = load_object(line)
        _tolerant(lambda: reader.open_inference(body))
        return reader.instances(body)

    return _each_line(file, settings, rows)


def _tolerant(call: Callable[[], object]) -> None:
    with contextlib.suppress(BadRecordError):
        call()


def _each_line(file: FileSize, settings: Settings, rows: Callable[[bytes], Sequence[Any]]) -> Read:
    parsed: list[Any] = []
    rejects: list[Reject] = []
    lines = Path(file.path).read_bytes().split(b"\n")
    for number, line in enumerate(lines):
        try:
            parsed += rows(line)
        except BadRecordError as error:
            rejects.append(Reject(file.path, number, error.reason, error.detail))
    assert settings.expected is not None
    columns, forms = typed_columns(parsed, settings.expected, settings.time_feature)
    for _, column in columns:
        column.validate(full=True)
        assert len(column) == len(parsed)
    counts = Counter({key: len(rows_of_form) for key, rows_of_form in forms.items()})
    read, reasons = len(lines), Counter(reject.reason for reject in rejects)
    accounting = Accounting(read=read, decoded=read - len(rejects), rejected=reasons, forms=counts)
    yield Decoded(None, tuple(rejects), accounting)
