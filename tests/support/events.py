"""Records of request logs that are JSON objects, through the decoder that the pipeline has."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from typing import Any

from support.logs import settings
from trueserve.transforms.core.accounting import Accounting, total
from trueserve.transforms.core.batches import Decoded, Reject
from trueserve.transforms.logs.decode_requests import RequestDecoder
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.registry import PARSERS
from trueserve.transforms.logs.request import BadRecordError, Carried
from trueserve.transforms.logs.rows.rows import RecordPosition


@dataclasses.dataclass(frozen=True)
class DecodedLog:
    """All that was decoded: rows without missing features, their metadata, rejects and counts."""

    rows: list[dict[str, Any]]
    metadata: list[dict[str, Any]]
    rejects: list[Reject]
    counts: Accounting

    def column(self, name: str) -> list[Any]:
        return [row[name] for row in self.metadata]


def carried(record: Any) -> Carried:
    """A record as a carrier of JSON lines gives it; what is no object has no fields."""
    payload = json.dumps(record, default=repr).encode()
    value = record if isinstance(record, dict) else BadRecordError("not_an_object", "no object")
    return Carried(value, payload)


def decode(name: Format, records: Sequence[Any], *, chunk: int = 1000, **changes: Any) -> DecodedLog:
    """The records decoded by the schema of `support.logs`, in chunks; every one is counted once."""
    decoder_settings = settings(**changes)
    decoder = RequestDecoder(decoder_settings, PARSERS[name](decoder_settings))
    chunks = [list(map(carried, records[at : at + chunk])) for at in range(0, len(records), chunk)]
    outcome = outcome_of(list(decoder.decode(chunks, RecordPosition("log", 0))))
    assert outcome.counts.read == len(records)
    return outcome


def outcome_of(parts: Sequence[Decoded]) -> DecodedLog:
    counts = total(part.accounting for part in parts)
    assert counts.balance() == 0
    batches = [part.batch for part in parts if part.batch is not None]
    return DecodedLog(
        rows=[_present(row) for batch in batches for row in batch.features.to_pylist()],
        metadata=[row for batch in batches for row in batch.metadata.to_pylist()],
        rejects=[reject for part in parts for reject in part.rejects],
        counts=counts,
    )


def _present(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: values for name, values in row.items() if values is not None}
