"""An instance of a request to a row: names for values without, examples, what the schema does not know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trueserve.transforms.logs.bodies.body_values import features_of_example, is_b64, value_of, values_of
from trueserve.transforms.logs.bodies.row_checks import NOT_A_REQUEST, Row, check_keys, no_features, no_names
from trueserve.transforms.logs.features import Settings
from trueserve.transforms.logs.request import BadRecordError, Exact
from trueserve.transforms.logs.tensors.prediction_log_kinds import EXAMPLE_INPUTS
from trueserve.transforms.logs.tensors.tensor_columns import PRESENT

# Under this name alone, instances of SageMaker's own algorithms hold their values.
_FEATURES = "features"


class InstanceRows:
    """Makes rows of instances for a schema.

    Attributes:
      types: the schema's features that are kept.
      known: those, and all other names that mean something: of the label, the time, the version, masks.
      names: for values that come without: `Settings.columns`, or the only feature.
    """

    def __init__(self, settings: Settings) -> None:
        self.types = dict(settings.expected.types) if settings.expected else {}
        self.known = _known(settings)
        self.names = settings.columns or (tuple(self.types) if len(self.types) == 1 else ())

    def is_bytes(self, value: Any) -> bool:
        """Whether a JSON value is bytes, and no object with such a feature."""
        return is_b64(value) and "b64" not in self.types

    def of(self, value: Any) -> Row:
        """The row of an instance: an object of features, a list without names, a value, or an example.

        Raises BadRecordError: `not_a_request`, `bad_base64`, `no_names`, `columns_differ`, `no_features`,
        `not_a_tf_example`, `nested_too_deeply`.
        """
        if not isinstance(value, Mapping) or self.is_bytes(value):
            return self.unnamed(value_of(value))
        row = features_by_name(value)
        if row.keys() <= self.known:
            return row
        if row.keys() == {_FEATURES} and _FEATURES not in self.types:
            inner = row[_FEATURES]
            is_object = isinstance(inner, Mapping) and not self.is_bytes(inner)
            return self.of_tensors(features_by_name(inner)) if is_object else self.unnamed(inner)
        return self.of_tensors(row)

    def of_tensors(self, row: dict[str, Any]) -> Row:
        """A row of tensors, with the features of a serialized example in it."""
        if row.keys() <= self.known:
            return row
        has_example = False
        for name, row_value in list(row.items()):
            # Strings of the v2 protocol have a second dimension, of one.
            value = row_value[0] if type(row_value) is list and len(row_value) == 1 else row_value
            if isinstance(value, bytes) and name not in self.types:
                features = self._example(name, value, is_only_value=len(row) == 1)
                if features is not None:
                    del row[name]
                    row |= features
                    has_example = True
        # What is in an example is the same as in a log of examples.
        return row if has_example else self.checked(row)

    def checked(self, row: dict[str, Any]) -> Row:
        """A row, which may be without any feature, but not without any that the schema knows."""
        if row:
            self.check_names(row)
        return row

    def check_names(self, names: Iterable[str]) -> None:
        """Raises BadRecordError where none of these is known: `no_features`."""
        if self.types and self.known.isdisjoint(names):
            raise no_features(self.types)

    def unnamed(self, value: Any) -> Row:
        """The row of a value or a list that comes without names."""
        if isinstance(value, bytes):
            features = self._known_features(value)
            if features is not None:
                return features
            if not self.names:
                raise _not_an_example()
        if not self.names:
            raise no_names()
        self.check_names(self.names)
        if len(self.names) == 1:
            return {self.names[0]: value}
        if not isinstance(value, list) or len(value) != len(self.names):
            count = len(value) if isinstance(value, list) else 1
            detail = f"expected {len(self.names)} values without names, as --columns has; got {count}"
            raise BadRecordError("columns_differ", detail)
        return dict(zip(self.names, value, strict=True))

    def _example(self, name: str, value: bytes, *, is_only_value: bool) -> dict[str, Any] | None:
        """The features of a serialized example; None for bytes that are a value, if one of no feature."""
        if name in EXAMPLE_INPUTS:
            features = features_of_example(value)
            if features is None:
                raise _not_an_example()
            return features
        return self._known_features(value) if is_only_value else None

    def _known_features(self, value: bytes) -> dict[str, Any] | None:
        # Nearly any bytes may parse by chance, but not with a name in them that is a feature's.
        features = features_of_example(value)
        return features if features and features.keys() & self.types.keys() else None


def features_by_name(value: Any) -> dict[str, Any]:
    """A copy of an object of features, its bytes decoded. Raises BadRecordError."""
    if not isinstance(value, Mapping):
        raise BadRecordError(
            NOT_A_REQUEST, "expected a JSON object of features in the body; got another value"
        )
    check_keys(value)
    return values_of(value)


def _known(settings: Settings) -> frozenset[str]:
    if settings.expected is None:
        return frozenset()
    features = {*settings.expected.types, *settings.expected.elsewhere}
    of_record = {name for name in (settings.time_feature, settings.version_feature) if name is not None}
    return frozenset(features | {name + PRESENT for name in features} | of_record)


def exact_features(example: Any) -> dict[str, Any]:
    """The features of JSON that TF Serving makes a tf.Example of. Raises BadRecordError."""
    return {name: _exact_list(value) for name, value in features_by_name(example).items()}


def _exact_list(value: Any) -> Any:
    return value if value is None else Exact(value if isinstance(value, list) else [value])


def _not_an_example() -> BadRecordError:
    return BadRecordError("not_a_tf_example", "expected a serialized tf.Example; the bytes parse as none")
