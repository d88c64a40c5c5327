"""Files of pieces give back what was added, in order; what the disk refuses is one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest
from support.join import pieces
from support.logs import example

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.joining.piece import Piece, Side
from trueserve.transforms.joining.piece_files import PieceFile
from trueserve.transforms.joining.split import split

ROWS = [example(id=[n], f=[n / 2] * (1 + n % 3), **({"s": [b"word"]} if n % 5 else {})) for n in range(40)]


def same(left: Piece, right: Piece) -> bool:
    return (left.side, left.keys, left.features) == (right.side, right.keys, right.features)


def test_pieces_come_back_as_they_were(tmp_path: Path) -> None:
    """Parts of larger batches, other columns, no feature at all, and a long value."""
    added = [piece for _, piece in split(pieces(ROWS), 3)]
    added += [*pieces([example(id=[b"x" * 3_000_000], other=[1])]), *pieces([example(id=[1.5])])]
    file = PieceFile(Side.REQUESTS, str(tmp_path / "7"))
    for piece in added:
        file.append(Piece(Side.REQUESTS, piece.keys, piece.features))
    stored = list(file.read())
    assert len(stored) == len(added) == 5
    assert all(
        same(left, Piece(Side.REQUESTS, right.keys, right.features))
        for left, right in zip(stored, added, strict=True)
    )


def test_a_part_takes_no_more_room_than_its_rows(tmp_path: Path) -> None:
    (batch,) = pieces([example(id=[n], s=[b"x" * 1000]) for n in range(1000)])
    file = PieceFile(Side.EXAMPLES, str(tmp_path / "part"))
    file.append(Piece(Side.EXAMPLES, batch.keys.slice(500, 2), batch.features.slice(500, 2)))
    assert (tmp_path / "part").stat().st_size < 10_000


def test_a_full_disk_is_told_in_one_line() -> None:
    with pytest.raises(InputError, match=r"^cannot write /dev/full: No space left on device; .* TMPDIR"):
        PieceFile(Side.EXAMPLES, "/dev/full").append(pieces(ROWS)[0])


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"^cannot read {tmp_path}/gone: "):
        list(PieceFile(Side.EXAMPLES, str(tmp_path / "gone")).read())
