"""What a logged request says once its format is understood, and before its values have types.

A format is a `RequestParser`: one carried record in, one `Request` out. Carriers (`logs.carriers`) know how
records stand in files; `logs.decode_requests` makes rows of requests. So a format knows neither files nor
Arrow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol


class BadRecordError(Exception):
    """A record that cannot be decoded; becomes a `Reject`.

    Attributes:
      reason: a short word that rejects are counted by, such as `not_json`.
      detail: what was expected and what came, for a person; never a value of the record.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Exact(list[Any]):
    """Values of a feature of a tf.Example, or of JSON that a server makes one of.

    They are no dense tensor: NaN and empty bytes are values, NAME/present is a feature like any other, and
    how many there are is no form.
    """


class OfExample(Exact):
    """Those of a serialized tf.Example: int, float or bytes, all of one type, which is the feature's."""


class MissingText(str):
    """A text of `--missing_values`: there is no value, which is counted."""

    __slots__ = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One logged request.

    Attributes:
      instances: a mapping from feature to value for each row. Values are None, bool, int, float, str, bytes,
        or lists of them, nested as deep as tensors are, or `Exact`. A feature that is absent is missing.
      time: microseconds since 1970, UTC; None where the log has none.
      request_id: what the log knows the request by.
      sampling_rate: the fraction of traffic that was logged when this was; None where the log says nothing.
      origin: who sent it, or which component logged it.
      responses: what was answered, one JSON value for each instance; None where it was not logged.
      excluded: why the request is no traffic (`warm_up`), None for traffic.
      exact: whether NaN and empty bytes are values, as in a table; in dense tensors they are missing.
      dated_by_path: whether the path of its file tells the time where the log has none (`rows.path_time`).
    """

    instances: Sequence[Mapping[str, Any]]
    time: int | None = None
    model: str | None = None
    version: str | None = None
    signature: str | None = None
    request_id: str | None = None
    sampling_rate: float | None = None
    origin: str | None = None
    responses: Sequence[Any] | None = None
    excluded: str | None = None
    exact: bool = False
    dated_by_path: bool = False


class RequestEvent(NamedTuple):
    """A request whose answer is another record; both have the same key."""

    key: Hashable
    request: Request


class ResponseEvent(NamedTuple):
    """An answer whose request is another record: the response's body, and the version that it names."""

    key: Hashable
    body: Mapping[str, Any]
    version: str | None = None


class Carried(NamedTuple):
    """A record as a carrier gives it: its fields, or why it has none, and its bytes.

    `payload` is what `rejects/` keeps if the user asks for payloads, and what a sample is drawn by where the
    request has no id: the line, or the row in a form that is the same in every run.
    """

    value: Mapping[str, Any] | BadRecordError
    payload: bytes
    envelope: Envelope | None = None


class Envelope(NamedTuple):
    """What a log service says of a record that it carried.

    Attributes:
      time: as it stands there; counts where the record has none of its own.
      key: the service's id of the record; likewise.
      excluded: why the record is no request; None for one that may be.
    """

    time: Any = None
    key: Any = None
    excluded: str | None = None


class RequestParser(Protocol):
    """Understands the records of one format. One for each file and thread; it may remember."""

    def parse(self, record: Mapping[str, Any]) -> Request | RequestEvent | ResponseEvent | None:
        """The request that a record holds; None for a record that belongs to another (a response event).

        Where answers are wanted, a format that has them in records of their own gives `RequestEvent` and
        `ResponseEvent`, which the decoder joins. Raises BadRecordError.
        """
