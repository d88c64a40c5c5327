"""A preprocessing_fn with each of tf.Transform's analyzers, of features with long tails."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tensorflow_transform as tft

#: The numbers that principal components are made of.
PARTS = tuple(f"part_{number}" for number in range(8))


def preprocessing_fn(inputs: dict[str, Any]) -> dict[str, Any]:
    """Outputs are named by the analyzer that they are made with."""
    income, city = _dense(inputs["income"], 0.0), _dense(inputs["city"], "")
    parts = tf.stack([_dense(inputs[name], 0.0) for name in PARTS], 1)
    word_ids = tft.compute_and_apply_vocabulary(
        inputs["words"], top_k=2000, num_oov_buckets=1, vocab_filename="words"
    )
    _, weights = tft.tfidf(word_ids, 2001)
    all_ids = tft.compute_and_apply_vocabulary(inputs["words"], num_oov_buckets=1, vocab_filename="all_words")
    _, all_weights = tft.tfidf(all_ids, tft.get_num_buckets_for_transformed_feature(all_ids))
    components = tf.matmul(parts, tft.pca(parts, 2, tf.float32))
    whitened = tf.matmul(parts, tf.linalg.cholesky(tft.covariance(parts, tf.float32)))
    return {
        "scale_to_0_1": tft.scale_to_0_1(income),
        "scale_by_min_max": tft.scale_by_min_max(income, -1.0, 1.0),
        "scale_to_z_score": tft.scale_to_z_score(income),
        "scale_to_gaussian": tft.scale_to_gaussian(income),
        "bucketize": tft.bucketize(income, 100),
        "bucketize_few": tft.bucketize(income, 5),
        "quantiles_interpolated": tft.apply_buckets_with_interpolation(
            income, tft.quantiles(income, 20, epsilon=0.01)
        ),
        "apply_buckets": tft.apply_buckets(income, tft.quantiles(income, 20, epsilon=0.01)),
        "vocabulary": tft.compute_and_apply_vocabulary(city, num_oov_buckets=1, vocab_filename="city"),
        "vocabulary_oov_buckets": tft.compute_and_apply_vocabulary(
            city, top_k=1000, num_oov_buckets=7, vocab_filename="city_top"
        ),
        "vocabulary_threshold": tft.compute_and_apply_vocabulary(
            city, frequency_threshold=3, num_oov_buckets=3, vocab_filename="city_frequent"
        ),
        "tfidf": weights,
        "tfidf_of_all_words": all_weights,
        "pca_first": components[:, 0],
        "pca_second": components[:, 1],
        "covariance": whitened[:, 0],
        # With a file, keys are looked up in a table; else each row is compared with all 5,000 of them.
        "scale_to_z_score_per_key": tft.scale_to_z_score_per_key(
            income, city, key_vocabulary_filename="keys"
        ),
    }


def _dense(values: Any, default: Any) -> Any:
    shape = [values.dense_shape[0], 1]
    return tf.squeeze(tf.sparse.to_dense(tf.SparseTensor(values.indices, values.values, shape), default), 1)
