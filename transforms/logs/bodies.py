"""Bodies of prediction requests to instances: what REST, AI Platform, Vertex, SageMaker and KServe share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from transforms.logs.features import Settings


class Bodies:
    """Reads bodies for a schema. It knows which names are features, to tell rows from serialized examples."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def instances(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Rows of TF Serving's JSON: `instances`, `inputs`, or `examples` with `context`.

        `{"b64": ...}` become bytes; bytes that are no feature's value but a serialized tf.Example become its
        features. A value or list without names takes the names in `Settings.columns`, or that of the only
        feature. Raises BadRecordError: `no_instances`, `bad_base64`, `no_names`, `rows_differ`,
        `not_a_tf_example`.
        """
        raise NotImplementedError

    def open_inference(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        """Rows of the v2 (Open Inference) protocol: `inputs`, a list of {name, shape, datatype, data}.

        Raises BadRecordError: `no_inputs`, `bad_tensor_shape`, `unsupported_dtype`, `rows_differ`.
        """
        raise NotImplementedError

    def csv(self, text: str) -> Sequence[Mapping[str, Any]]:
        """Rows of CSV without a header, named by `Settings.columns`.

        Raises BadRecordError: `no_names`, `bad_csv_row`.
        """
        raise NotImplementedError
