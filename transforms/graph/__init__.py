"""The user's preprocessing_fn and its transform graph, on record batches. No Beam."""
