"""Dataflow's client, which several threads use."""

from __future__ import annotations

import concurrent.futures
import threading
from types import SimpleNamespace

from trueserve.pipelines.beam import dataflow


class Connection:
    """As Beam's client: one connection for all its calls."""

    def __init__(self) -> None:
        self.is_used = False
        self.mixed_up = 0
        self.both_called = threading.Barrier(2)

    def ask(self, question: str) -> str:
        self.mixed_up += self.is_used
        self.is_used = True
        # Another call has time to come in between.
        threading.Event().wait(0.05)
        self.is_used = False
        return question

    get_job = get_job_metrics = ask


def test_two_threads_ask_one_after_the_other() -> None:
    connection = Connection()
    dataflow.make_calls_exclusive(SimpleNamespace(_runner=SimpleNamespace(dataflow_client=connection)))

    def ask(number: int) -> str:
        connection.both_called.wait()
        return (connection.get_job if number else connection.get_job_metrics)(f"question {number}")

    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        answers = [*threads.map(ask, range(2))]
    assert (answers, connection.mixed_up) == (["question 0", "question 1"], 0)


def test_results_of_other_runners_are_left_alone() -> None:
    result = SimpleNamespace(state="DONE")
    dataflow.make_calls_exclusive(result)
    assert vars(result) == {"state": "DONE"}


def test_the_id_of_a_job_is_that_of_dataflow_alone() -> None:
    client = SimpleNamespace(dataflow_client=object())
    assert dataflow.job_id(SimpleNamespace(_runner=client, job_id=lambda: "2013-07-14_x")) == "2013-07-14_x"
    assert dataflow.job_id(SimpleNamespace(_runner=client, job_id=lambda: None)) is None
    assert dataflow.job_id(SimpleNamespace(_runner=object(), job_id=lambda: "x")) is None
    assert dataflow.job_id(SimpleNamespace()) is None
