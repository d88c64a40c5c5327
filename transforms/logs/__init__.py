"""Bytes of a request log to batches, rejects and faults. No Beam."""
