"""Joins of serialized tf.Examples: by TFDV's own functions, one proto at a time, and by ours, in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import strategies as st
from tensorflow.core.example.example_pb2 import Example
from tensorflow_data_validation.skew import feature_skew_detector as tfdv

from support import logs
from trueserve.transforms.joining import counts
from trueserve.transforms.joining.counts import BASE_COUNT, TEST_COUNT, FeatureOutcome, Joined, RowCounts
from trueserve.transforms.joining.join import join
from trueserve.transforms.joining.key_parts import parse_key
from trueserve.transforms.joining.piece import Piece, Side
from trueserve.transforms.joining.split import JoinSettings, keyed, split
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.formats.tf_example import TfExampleDecoder

Counts = dict[str, int]

_FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.125, 0.5, 2.5, 1.005, 1e30, -2.675, float("nan"), float("inf")]),
    st.floats(width=32),
)
_VALUES = {
    "int64_list": st.one_of(st.integers(0, 2), st.integers(-(1 << 63), (1 << 63) - 1)),
    "float_list": _FLOATS,
    "bytes_list": st.sampled_from([b"", b"a", b"ab", b"b", b"\xff\x00", b"x" * 40]),
}
_NAMES = ("i", "f", "s", "u")


@st.composite
def examples(draw: st.DrawFn, side: str, most: int = 14) -> list[bytes]:
    """Rows of few keys, so that they meet, stand often and are missing; a column has one type on a side."""
    kinds = {"i": "int64_list", "f": "float_list", "s": "bytes_list"}
    kinds["u"] = draw(st.sampled_from(sorted(_VALUES)))  # another type on the other side
    kinds["k1"] = (
        "bytes_list" if side == "base" else draw(st.sampled_from(["bytes_list", "bytes_list", "int64_list"]))
    )
    kinds["k2"] = "float_list"
    return [draw(_row(kinds)) for _ in range(draw(st.integers(0, most)))]


@st.composite
def _row(draw: st.DrawFn, kinds: dict[str, str]) -> bytes:
    row = Example()
    for name, kind in kinds.items():
        if (num_values := draw(st.sampled_from([-1, 0, 1, 1, 1, 1, 2, 3]))) >= 0:
            values = _key_values(kind) if name.startswith("k") else _VALUES[kind]
            target = getattr(row.features.feature[name], kind)
            target.SetInParent()
            target.value.extend(draw(st.lists(values, min_size=num_values, max_size=num_values)))
    data: bytes = row.SerializeToString(deterministic=True)
    return data


def _key_values(kind: str) -> st.SearchStrategy[Any]:
    of_kind: dict[str, list[Any]] = {
        "float_list": [0.5, 0.501],
        "int64_list": [1, 2],
        "bytes_list": [b"a", b"", b"aa"],
    }
    return st.sampled_from(of_kind[kind])


def _without_empty(row: Example) -> Example:
    for name, feature in list(row.features.feature.items()):
        kind = feature.WhichOneof("kind")
        if kind is None or not getattr(feature, kind).value:
            del row.features.feature[name]
    return row


def detected(
    base: Sequence[bytes], test: Sequence[bytes], key: Sequence[str], digits: int | None, duplicates: bool
) -> tuple[Counts, dict[str, Counts], int]:
    """What DetectFeatureSkew's own DoFns count: match stats, each feature, and the pairs with skew.

    Features without values are left out before: to trueserve they are missing ones.
    """
    extract = tfdv._ExtractIdentifiers(list(key), digits)
    keyed_rows: dict[str, dict[str, list[Example]]] = defaultdict(lambda: {"base": [], "test": []})
    missing = {"base": 0, "test": 0}
    for side, rows in (("base", base), ("test", test)):
        for row in rows:
            for output in extract.process(_without_empty(Example.FromString(row))):
                if output.tag == tfdv._MISSING_IDS_KEY:
                    missing[side] += 1
                else:
                    keyed_rows[output.value[0]][side].append(output.value[1])
    compute = tfdv._ComputeSkew(list(key), digits, duplicates, [])
    stats, skews, pairs = np.zeros(9, np.int64), defaultdict(list), 0
    for element in keyed_rows.items():
        for output in compute.process(element):
            if output.tag == tfdv.MATCH_STATS_KEY:
                stats += output.value
            elif output.tag == tfdv.SKEW_RESULTS_KEY:
                skews[output.value[0]].append(output.value[1])
            else:
                pairs += 1
    merged = tfdv._MergeMatchStatsFn().extract_output(stats)
    match_stats = {field.name: getattr(merged, field.name) for field in merged.DESCRIPTOR.fields}
    match_stats |= {"base_missing_id_count": missing["base"], "test_missing_id_count": missing["test"]}
    merging = tfdv._merge_feature_skew_results
    return match_stats, {name: of_proto(merging(parts)) for name, parts in skews.items()}, pairs


def of_proto(skew: Any) -> Counts:
    """The counts of a FeatureSkew."""
    return {
        field.name: getattr(skew, field.name)
        for field in skew.DESCRIPTOR.fields
        if field.name != "feature_name"
    }


def as_stats(rows: RowCounts) -> Counts:
    """Our counts under the names of TFDV's MatchStats."""
    return {
        "base_with_id_count": rows.examples,
        "test_with_id_count": rows.requests,
        "identifiers_count": rows.keys,
        "ids_missing_in_base_count": rows.keys_only_in_requests,
        "ids_missing_in_test_count": rows.keys_only_in_examples,
        "matching_pairs_count": rows.pairs,
        "base_missing_id_count": rows.examples_without_key,
        "test_missing_id_count": rows.requests_without_key,
        "duplicate_id_count": rows.duplicate_keys,
    }


def as_skews(joined: Joined) -> dict[str, Counts]:
    """Our counts under the names of TFDV's FeatureSkew."""
    return {
        name: {
            "base_count": int(counts[BASE_COUNT]),
            "test_count": int(counts[TEST_COUNT]),
            "match_count": int(counts[FeatureOutcome.MATCH]),
            "base_only": int(counts[FeatureOutcome.BASE_ONLY]),
            "test_only": int(counts[FeatureOutcome.TEST_ONLY]),
            "mismatch_count": int(counts[FeatureOutcome.MISMATCH]),
            "diff_count": int(
                counts[[FeatureOutcome.BASE_ONLY, FeatureOutcome.TEST_ONLY, FeatureOutcome.MISMATCH]].sum()
            ),
        }
        for name, counts in joined.features.items()
    }


def comparison(key: Sequence[str], **changes: Any) -> JoinSettings:
    return JoinSettings(key=parse_key(key), **changes)


def joined(
    base: Sequence[bytes], test: Sequence[bytes], how: JoinSettings, partitions: int = 1, cut: int = 1000
) -> Joined:
    """Ours: rows decoded `cut` at a time, split and joined in memory."""
    met: dict[int, list[Piece]] = defaultdict(list)
    parts: list[Joined] = []
    for side, rows in ((Side.EXAMPLES, base), (Side.REQUESTS, test)):
        pieces, missing = pieces_of(rows, side, how, cut)
        parts.append(Joined(RowCounts(**{f"{side.name.lower()}_without_key": missing})))
        for number, piece in split(pieces, partitions):
            met[number].append(piece)
    parts += [join(pieces, how) for pieces in met.values()]
    return counts.total(parts, how.samples)


def pieces_of(
    rows: Sequence[bytes], side: Side, how: JoinSettings, cut: int = 1000
) -> tuple[list[Piece], int]:
    """The pieces of examples of one side, and how many rows have no key."""
    pieces, without = [], 0
    decoder = TfExampleDecoder(Settings())
    for first in range(0, len(rows), cut):
        for decoded in logs.decode(decoder, rows[first : first + cut], first):
            assert decoded.batch is not None
            piece, missing = keyed(decoded.batch, side, how)
            without += missing
            pieces += [] if piece is None else [piece]
    return pieces, without


def column(values: Sequence[list[Any] | None], kind: pa.DataType) -> pa.LargeListArray:
    return pa.array(values, pa.large_list(kind))


def pieces(rows: list[bytes], cut: int = 1000) -> list[Piece]:
    return pieces_of(rows, Side.EXAMPLES, comparison(["id"]), cut)[0]


def apart(*rows: bytes) -> list[Piece]:
    """A piece of each row, as another decoder has each."""
    return [piece for row in rows for piece in pieces([row])]
