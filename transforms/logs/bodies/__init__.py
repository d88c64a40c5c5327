"""Bodies of prediction requests to instances, for every format that has bodies."""
