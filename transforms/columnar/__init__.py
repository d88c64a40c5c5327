"""From bytes to Arrow columns at machine speed: compiled with numba, without a Python object a record."""
