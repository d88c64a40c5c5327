"""What `prepare` and plain tf.Transform do with narrow rows: z-scores, vocabularies, buckets of a z-score."""

from __future__ import annotations

from typing import Any

import tensorflow_transform as tft

_LARGEST_VOCABULARY = 1000
_BUCKETS = 10


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Two phases of analysis: the buckets are of what the first phase gives."""
    outputs = {}
    for name, values in inputs.items():
        if name.startswith("f"):
            outputs[f"{name}_z"] = tft.scale_to_z_score(values)
        else:
            outputs[f"{name}_id"] = tft.compute_and_apply_vocabulary(
                values, top_k=_LARGEST_VOCABULARY, vocab_filename=name
            )
    outputs["f00_bucket"] = tft.bucketize(outputs["f00_z"], _BUCKETS)
    return outputs
