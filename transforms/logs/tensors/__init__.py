"""Tensors of PredictionLogs to columns."""
