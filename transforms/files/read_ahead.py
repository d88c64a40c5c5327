"""Runs an iterator ahead of its consumer, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.1


def read_ahead(source: Iterator[T], depth: int = 2) -> Iterator[T]:
    """The elements of `source`, made while the consumer works on those before.

    Worth it where both hold no interpreter lock for most of the time, as compiled code and TensorFlow do.
    At most `depth` elements wait, and two more are being made or worked on. What `source` raises is raised
    here, after the elements before it; a consumer that stops early ends the thread.
    """
    waiting: queue.Queue[tuple[bool, Any]] = queue.Queue(depth)
    stopped = threading.Event()
    thread = threading.Thread(target=_produce, args=(source, waiting, stopped), daemon=True)
    thread.start()
    try:
        while True:
            is_element, value = waiting.get()
            if not is_element:
                break
            yield value
    finally:
        stopped.set()
        thread.join()
    if value is not None:
        raise value


def _produce(source: Iterator[T], waiting: queue.Queue[tuple[bool, Any]], stopped: threading.Event) -> None:
    end: BaseException | None = None
    try:
        for element in source:
            if not _put(waiting, (True, element), stopped):
                return
    except BaseException as error:  # noqa: BLE001 - handed to the consumer, which raises it
        end = error
    finally:
        _put(waiting, (False, end), stopped)


def _put(waiting: queue.Queue[tuple[bool, Any]], item: tuple[bool, Any], stopped: threading.Event) -> bool:
    """Whether the item was taken before the consumer stopped."""
    while not stopped.is_set():
        try:
            waiting.put(item, timeout=_POLL_SECONDS)
        except queue.Full:
            continue
        return True
    return False
