"""What is too heavy to be loaded for each range: models and transform graphs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from apache_beam.utils import shared

T = TypeVar("T")


class LoadOnce(Generic[T]):
    """Something that each process loads when it is first needed, once for all threads.

    Pickled before that, it is loaded once for all copies in a process.
    """

    def __init__(self, load: Callable[[], T]) -> None:
        self._load = load
        self._shared = shared.Shared()
        self._loaded: T | None = None

    def get(self) -> T:
        if self._loaded is None:
            self._loaded = self._shared.acquire(self._load)
        return self._loaded
