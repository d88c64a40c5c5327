"""Compressed files are told by their content; what is not read is named."""

from __future__ import annotations

import io
import lzma
import random
import zipfile

import pyarrow as pa
import pytest

from trueserve.transforms.core.errors import InputError
from trueserve.transforms.files import paths
from trueserve.transforms.files.compression import why_not_read

TEXT = b"".join(b"%d,%x\n" % (i, random.Random(i).getrandbits(64)) for i in range(20_000))
SKIPPED = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"


def zstandard(data: bytes) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    packed: bytes = sink.getvalue().to_pybytes()
    return packed


@pytest.mark.parametrize("before", [b"", SKIPPED])
def test_zstandard_is_read_frame_after_frame_and_the_file_stays_open(before: bytes) -> None:
    stored = io.BytesIO(before + zstandard(TEXT) + zstandard(b"more"))
    for _ in range(2):
        stream = paths.decompressed(stored)
        assert stream.read() == TEXT + b"more"
        del stream
        stored.seek(0)
    assert paths.is_compressed(stored)


def test_zstandard_that_ends_early_says_so_after_what_it_holds() -> None:
    packed = zstandard(TEXT)
    stream = paths.decompressed(io.BytesIO(packed[: len(packed) // 2]))
    pieces: list[bytes] = []

    def read() -> None:
        while piece := stream.read1(1 << 20):  # type: ignore[attr-defined]
            pieces.append(piece)

    with pytest.raises(EOFError, match="compressed data end early"):
        read()
    assert pieces
    assert TEXT.startswith(b"".join(pieces))


def test_what_follows_zstandard_and_is_none_is_an_error() -> None:
    with pytest.raises(OSError, match="Unknown frame"):
        paths.decompressed(io.BytesIO(zstandard(TEXT) + b"garbage")).read()


def test_what_a_file_system_raises_goes_through_zstandard() -> None:
    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell():
                raise ConnectionResetError(104, "reset")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        paths.decompressed(Failing(zstandard(TEXT))).read()


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    return sink.getvalue()


@pytest.mark.parametrize(("data", "name"), [(lzma.compress(TEXT), "xz"), (zipped(), "zip")])
def test_what_is_not_read_is_named(data: bytes, name: str) -> None:
    with pytest.raises(InputError, match=f"the file is compressed by {name}, which is not read"):
        paths.decompressed(io.BytesIO(data))


def test_a_header_that_begins_as_lzip_does_is_none_of_it() -> None:
    assert why_not_read(b"LZIP,a,b") is None
    assert "lzip" in (why_not_read(b"LZIP\x01\x0c\0\1") or "")


def test_a_tfrecord_whose_length_looks_like_a_compression_is_one() -> None:
    length = int.from_bytes(b"PK\x03\x04", "little")
    assert why_not_read(length.to_bytes(8, "little")) is None
    assert why_not_read(b"PK\x03\x04\x14\0\0\0") is not None
