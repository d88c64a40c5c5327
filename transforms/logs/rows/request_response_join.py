"""Requests and answers that a log has as records of their own: put together, within bounds."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, NamedTuple, TypeVar

from trueserve.transforms.logs.request import Request, RequestEvent, ResponseEvent
from trueserve.transforms.logs.rows.log_fields import answers_of

# What is remembered of either side at most: how many, and how many bytes their records had.
MAX_HELD = 4096
MAX_HELD_BYTES = 16 << 20

T = TypeVar("T")


class Ready(NamedTuple):
    """A request that waits no more, and the number of its record."""

    record: int
    request: Request


class Joiner:
    """Joins requests with their answers, in whatever order they come; not thread-safe.

    A request waits for its answer until that comes, until `MAX_HELD` requests or `MAX_HELD_BYTES` came after
    it, until another one has the same key, or until the end. As many answers wait for their requests. What
    has waited in vain goes on without the other; the answer, which has no rows, is forgotten.
    """

    def __init__(self) -> None:
        self._requests: _Waiting[Ready] = _Waiting()
        self._responses: _Waiting[ResponseEvent] = _Waiting()

    def ask(self, event: RequestEvent, record: int, size: int) -> list[Ready]:
        """Takes a request from a record of `size` bytes; gives those that wait no more."""
        ready = Ready(record, event.request)
        if (answer := self._responses.pop(event.key)) is not None:
            return [_joined(ready, answer)]
        return self._requests.put(event.key, ready, size)

    def answer(self, event: ResponseEvent, size: int) -> list[Ready]:
        """Takes an answer; gives its request if that is here."""
        if (ready := self._requests.pop(event.key)) is not None:
            return [_joined(ready, event)]
        self._responses.put(event.key, event, size)
        return []

    def rest(self) -> list[Ready]:
        """The requests that still wait, in the order in which they came."""
        return self._requests.empty()


def _joined(ready: Ready, answer: ResponseEvent) -> Ready:
    request = ready.request
    responses = answers_of(answer.body, len(request.instances))
    version = request.version or answer.version
    return Ready(ready.record, dataclasses.replace(request, responses=responses, version=version))


class _Waiting(Generic[T]):
    """What waits, by key, the oldest first."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[Hashable, tuple[T, int]] = OrderedDict()
        self._bytes = 0

    def put(self, key: Hashable, item: T, size: int) -> list[T]:
        """Takes one; gives those that have to leave for it."""
        before = self.pop(key)
        left = [] if before is None else [before]
        self._waiting[key] = item, size
        self._bytes += size
        while len(self._waiting) > MAX_HELD or self._bytes > MAX_HELD_BYTES:
            _, (oldest, freed) = self._waiting.popitem(last=False)
            self._bytes -= freed
            left.append(oldest)
        return left

    def pop(self, key: Hashable) -> T | None:
        item, size = self._waiting.pop(key, (None, 0))
        self._bytes -= size
        return item

    def empty(self) -> list[T]:
        left = [item for item, _ in self._waiting.values()]
        self._waiting.clear()
        self._bytes = 0
        return left
