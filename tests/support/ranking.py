"""Requests of several candidates that share the user's features, as a ranking service gets them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

#: Features that all candidates of a request share, and those of a candidate.
OF_USER, OF_CANDIDATE = ("country", "age", "tenure"), ("price", "stock")
_COUNTRIES = np.array([f"c{number}" for number in range(20)], object)


class Traffic(NamedTuple):
    """Columns of one value a row, and the number of each row's request."""

    columns: dict[str, Array]
    request: Array


def traffic(seed: int, requests: int, each: int = 20, dearer: float = 0.0) -> Traffic:
    """Requests of `each` candidates on average; in a share `dearer` of them prices are tripled."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(each // 2, each + each // 2 + 1, requests)
    request = np.repeat(np.arange(requests), sizes)
    shares = 1 / np.arange(1, len(_COUNTRIES) + 1)
    users = {
        "country": rng.choice(_COUNTRIES, requests, p=shares / shares.sum()),
        "age": np.floor(rng.gamma(9, 4, requests)),
        "tenure": rng.exponential(300, requests),
    }
    factor = np.where(rng.random(requests) < dearer, 3.0, 1.0)[request]
    price = np.exp(rng.normal(2, 0.7, len(request))) * factor
    columns = {name: values[request] for name, values in users.items()}
    columns |= {"price": price, "stock": rng.poisson(3, len(request))}
    return Traffic({name: _float32(values) for name, values in columns.items()}, request)


def _float32(values: Array) -> Array:
    return values if values.dtype == object else values.astype(np.float32)
