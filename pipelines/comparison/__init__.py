"""What `validate` and `backtest` compare with, beside the baseline."""
