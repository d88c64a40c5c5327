"""Events of KServe with responses: they find their requests in any order, within bounds."""

from __future__ import annotations

import datetime as dt
import itertools
import random
from typing import Any

import pytest
from support.events import DecodedLog, carried, decode, outcome_of
from support.kserve import ROWS, TIME, V1, V2, WANTED, binary, run, structured
from support.logs import settings

from trueserve.transforms.core.batches import Decoded, Window
from trueserve.transforms.logs.decode_requests import RequestDecoder
from trueserve.transforms.logs.formats.format_names import Format
from trueserve.transforms.logs.formats.kserve import KServeParser
from trueserve.transforms.logs.rows import request_response_join
from trueserve.transforms.logs.rows.rows import RecordPosition


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("chunk", [1, 3])
def test_answers_find_their_requests_in_any_order(order: tuple[int, ...], chunk: int) -> None:
    events = [
        structured(V1, key="one"),
        binary({"predictions": [1, 2]}, "response", key="one"),
        binary({"instances": ROWS[:1]}, key="two"),
        structured({"predictions": [3]}, "response", key="two"),
    ]
    records = [events[at] for at in order]
    outcome = decode(Format.KSERVE, records, chunk=chunk, responses=True)
    got = {(row["request_id"], row["record"], row["response"]) for row in outcome.metadata}
    first, second = order.index(0), order.index(2)
    assert got == {("one", first, "1"), ("one", first, "2"), ("two", second, "3")}
    assert len(outcome.rows) == 3
    assert (outcome.counts.decoded, outcome.counts.rows) == (4, 3)


V2_ANSWERS = [
    ([{"name": "p", "shape": [2], "datatype": "FP32", "data": [0.5, 0.25]}], ['{"p":0.5}', '{"p":0.25}']),
    (
        [{"name": "p", "shape": [2, 2], "datatype": "FP32", "data": [1.0, 2.0, 3.0, 4.0]}],
        ['{"p":[1.0,2.0]}', '{"p":[3.0,4.0]}'],
    ),
    (
        [
            {"name": "p", "shape": [2], "datatype": "FP32", "data": [0.5, 0.25]},
            {"name": "q", "shape": [2, 1], "datatype": "INT64", "data": [[1], [2]]},
        ],
        ['{"p":0.5,"q":[1]}', '{"p":0.25,"q":[2]}'],
    ),
]


@pytest.mark.parametrize(("outputs", "texts"), V2_ANSWERS)
def test_answers_of_the_second_protocol_tell_the_version(outputs: list[Any], texts: list[str]) -> None:
    body = {"model_name": "flights", "model_version": "9", "outputs": outputs}
    outcome = run(structured(V2), structured(body, "response"), responses=True)
    assert outcome.rows == WANTED
    assert outcome.column("response") == texts
    assert outcome.column("version") == ["9", "9"]


@pytest.mark.parametrize(
    "answer",
    [
        {"predictions": [1]},
        {"predictions": "x"},
        {"outputs": [{"name": "p", "shape": [2], "datatype": "FP32", "data": []}]},
        {"outputs": [{"name": "p", "shape": [1 << 62], "datatype": "FP32", "data": [1]}]},
        {"outputs": [{"name": "p", "datatype": "FP32", "shape": None}, 5, 6]},
        {"error": "x"},
        "no json",
        None,
    ],
)
def test_a_request_does_not_fail_for_its_answer(answer: Any) -> None:
    outcome = run(structured(V1), structured(answer, "response"), responses=True)
    assert outcome.rows == WANTED
    assert outcome.column("response") == [None, None]
    assert outcome.counts.decoded == 2


@pytest.mark.parametrize("name", ["inferenceservicename", "namespace", "component", "endpoint"])
def test_the_same_id_elsewhere_is_another_request(name: str) -> None:
    answer = structured({"predictions": [1, 2]}, "response", **{name: "other"})
    assert run(structured(V1), answer, responses=True).column("response") == [None, None]


def test_answers_without_an_id_belong_to_nobody() -> None:
    answer = structured({"predictions": [1, 2]}, "response", key="")
    outcome = run(structured(V1, key=""), answer, responses=True)
    assert outcome.column("response") == [None, None]
    assert KServeParser(settings(responses=True)).parse(answer) is None


def test_answers_of_any_value_are_json() -> None:
    predictions = [float("nan"), 1 << 80, "\udcff", b"x", [[]], {"a": None}]
    requests = [structured({"instances": ROWS[:1] * len(predictions)})]
    outcome = run(*requests, structured({"predictions": predictions}, "response"), responses=True)
    assert outcome.column("response") == ["null", str(1 << 80), '"\\udcff"', "\"b'x'\"", "[[]]", '{"a":null}']


def _numbers(outcome: DecodedLog) -> list[int]:
    return sorted(outcome.column("record"))


def test_requests_wait_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_response_join, "MAX_HELD", 3)
    requests = [structured({"instances": ROWS[:1]}, key=str(n)) for n in range(10)]
    answers = [structured({"predictions": [n]}, "response", key=str(n)) for n in range(10)]
    outcome = run(*requests, *answers, responses=True)
    assert _numbers(outcome) == list(range(10))
    answered = {row["record"]: row["response"] for row in outcome.metadata}
    assert answered == {n: str(n) if n >= 7 else None for n in range(10)}
    turned = run(*answers, *requests, responses=True)
    answered = {row["record"] - 10: row["response"] for row in turned.metadata}
    assert answered == {n: str(n) if n >= 7 else None for n in range(10)}


def test_requests_wait_within_bounds_of_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    request = structured({"instances": ROWS[:1]}, key="0")
    monkeypatch.setattr(request_response_join, "MAX_HELD_BYTES", 2 * len(carried(request).payload))
    requests = [structured({"instances": ROWS[:1]}, key=str(n)) for n in range(5)]
    answers = [structured({"predictions": [n]}, "response", key=str(n)) for n in range(5)]
    outcome = run(*requests, *answers, responses=True)
    answered = {row["record"]: row["response"] for row in outcome.metadata}
    assert answered == {0: None, 1: None, 2: None, 3: "3", 4: "4"}


def test_what_was_answered_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    request, answer = structured({"instances": ROWS[:1]}), structured({"predictions": [1]}, "response")
    monkeypatch.setattr(request_response_join, "MAX_HELD_BYTES", 3 * len(carried(request).payload))
    outcome = run(*[request, answer] * 20, *[answer, request] * 20, responses=True)
    assert outcome.column("response") == ["1"] * 40


def test_a_second_request_of_an_id_lets_the_first_go() -> None:
    request = structured({"instances": ROWS[:1]})
    outcome = run(request, request, structured({"predictions": [7]}, "response"), responses=True)
    assert {row["record"]: row["response"] for row in outcome.metadata} == {0: None, 1: "7"}
    assert outcome.counts.decoded == 3


def test_what_waits_is_decoded_where_the_file_cannot_be_read_further() -> None:
    def chunks() -> Any:
        yield [carried(structured(V1))]
        raise OSError("gone")

    decoder_settings = settings(responses=True)
    parts: list[Decoded] = []
    decoder = RequestDecoder(decoder_settings, KServeParser(decoder_settings))
    with pytest.raises(OSError, match="gone"):
        parts.extend(decoder.decode(chunks(), RecordPosition("log", 0)))
    # `extend` keeps what came before the error.
    assert outcome_of(parts).rows == WANTED


def test_what_waits_is_in_the_window_or_not_by_its_own_time() -> None:
    window = Window(TIME, TIME + dt.timedelta(seconds=1))
    early = structured(V1, key="early", time="2021-04-10T00:23:26Z")
    none = structured(V1, key="none", time=None)
    counts = run(early, structured(V1), none, window=window, responses=True).counts
    assert (counts.decoded, counts.outside_window, counts.no_time, counts.rows) == (1, 1, 1, 2)


def test_what_a_sample_leaves_out_does_not_wait() -> None:
    requests = [structured({"instances": ROWS[:1]}, key=str(n)) for n in range(200)]
    answers = [structured({"predictions": [n]}, "response", key=str(n)) for n in range(200)]
    outcome = run(*requests, *answers, responses=True, sample=0.5)
    assert 60 < outcome.counts.rows < 140
    assert outcome.counts.excluded["sample"] == 200 - outcome.counts.rows
    assert outcome.column("response") == outcome.column("request_id")


def test_joined_rows_are_the_same_in_any_shuffle() -> None:
    """Many requests, several rows each, against a plain dictionary in memory."""
    rng = random.Random(4)
    sizes = {str(n): rng.randrange(1, 4) for n in range(300)}
    requests = [structured({"instances": ROWS[:1] * size}, key=key) for key, size in sizes.items()]
    answers = [
        structured({"predictions": [f"{key}-{row}" for row in range(size)]}, "response", key=key)
        for key, size in sizes.items()
    ]
    records = [*requests, *answers]
    rng.shuffle(records)
    outcome = decode(Format.KSERVE, records, chunk=64, responses=True)
    got = {(row["request_id"], row["response"]) for row in outcome.metadata}
    assert got == {(key, f'"{key}-{row}"') for key, size in sizes.items() for row in range(size)}
    by_number = {row["record"]: row["request_id"] for row in outcome.metadata}
    assert all(records[number]["id"] == key for number, key in by_number.items())
