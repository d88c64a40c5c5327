"""--sample: the same records in every run, all of them counted."""

from __future__ import annotations

from pathlib import Path

import pytest
from support_logs import example, examples_log, rows_of

from transforms.accounting import total
from transforms.columnar.framing import block_of
from transforms.logs.detect import Format
from transforms.logs.features import Expected, FeatureType, Settings
from transforms.logs.files import decode_file
from transforms.logs.sampling import chosen
from transforms.paths import FileSize
from transforms.records import Decoded
from transforms.tfrecord import frame

RECORDS = [example(age=[i]) for i in range(20_000)]
EXPECTED = Expected({"age": FeatureType.INT})


def decode(path: Path, file_format: Format, fraction: float) -> list[Decoded]:
    settings = Settings(expected=EXPECTED, sample=fraction)
    parts = list(decode_file(FileSize(str(path), path.stat().st_size), file_format, settings))
    assert all(isinstance(part, Decoded) for part in parts)
    return [part for part in parts if isinstance(part, Decoded)]


def test_a_fraction_is_chosen_and_lies_in_every_larger_one() -> None:
    block = block_of(RECORDS)
    tenth, half = chosen(block, 0.1), chosen(block, 0.5)
    # Five standard deviations of a binomial share.
    assert tenth.mean() == pytest.approx(0.1, abs=0.011)
    assert half.mean() == pytest.approx(0.5, abs=0.018)
    assert (half | ~tenth).all()


def test_the_choice_is_by_content_and_not_by_place() -> None:
    assert (chosen(block_of(RECORDS[::-1]), 0.3)[::-1] == chosen(block_of(RECORDS), 0.3)).all()


@pytest.mark.parametrize("file_format", [Format.TF_EXAMPLE, Format.PREDICTION_LOG])
def test_what_is_left_out_is_counted_and_rows_keep_their_records(tmp_path: Path, file_format: Format) -> None:
    wrap = examples_log if file_format is Format.PREDICTION_LOG else None
    records = [wrap([record]) if wrap else record for record in RECORDS[:2000]]
    path = tmp_path / "log"
    path.write_bytes(b"".join(map(frame, records)))
    parts = decode(path, file_format, 0.25)
    counts = total(part.accounting for part in parts)
    wanted = [i for i, yes in enumerate(chosen(block_of(records), 0.25)) if yes]
    assert rows_of(parts) == [{"age": [i]} for i in wanted]
    places = [r for p in parts if p.batch for r in p.batch.metadata.column("record").to_pylist()]
    assert sorted(places) == wanted
    assert (counts.read, counts.decoded, counts.excluded) == (2000, len(wanted), 2000 - len(wanted))
    assert counts.balance() == 0
