"""Rows of users who come again and again, one row a record, spread over the files of a log."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

Array = np.ndarray[Any, Any]

#: Features that all rows of a user share, and those that differ from row to row.
OF_USER, OF_ROW = ("country", "age"), ("price", "stock")
_COUNTRIES = np.array([f"c{number}" for number in range(20)], object)


class Sessions(NamedTuple):
    """Columns of one value a row; `user` is the number of each row's user."""

    columns: dict[str, Array]

    @property
    def rows(self) -> int:
        return len(self.columns["user"])


def sessions(
    seed: int, users: int, each: float = 20.0, *, spread: float = 0.7, dearer: float = 0.0
) -> Sessions:
    """Rows of `users` in random order, `each` of a user on average.

    Args:
      spread: the deviation of the logarithm of how many rows a user has: a few users have very many.
      dearer: the share of rows with a tripled price.
    """
    rng = np.random.default_rng(seed)
    sizes = 1 + rng.poisson(np.exp(rng.normal(np.log(each) - spread**2 / 2, spread, users)))
    user = rng.permutation(np.repeat(np.arange(users), sizes))
    shares = 1 / np.arange(1, len(_COUNTRIES) + 1)
    country = rng.choice(_COUNTRIES, users, p=shares / shares.sum())[user]
    age = np.floor(rng.gamma(9, 4, users))[user].astype(np.float32)
    factor = np.where(rng.random(len(user)) < dearer, 3.0, 1.0)
    price = (np.exp(rng.normal(2, 0.7, len(user))) * factor).astype(np.float32)
    # Numbers of users in no order, and other ones in each window.
    name = user * 7919 % 1_000_003 + 1_000_003 * seed
    stock = rng.poisson(3, len(user))
    return Sessions({"user": name, "country": country, "age": age, "price": price, "stock": stock})


def write_csv(rows: Sessions, path: Path, files: int = 1) -> str:
    """Writes so many files, named by `path` and a number; the glob that reads them."""
    names, cells = [*rows.columns], [column.tolist() for column in rows.columns.values()]
    lines = [",".join(map(_text, row)) for row in zip(*cells, strict=True)]
    for number in range(files):
        part = "\n".join([",".join(names), *lines[number::files]])
        Path(f"{path}-{number}.csv").write_text(f"{part}\n", encoding="utf-8")
    return f"{path}-*.csv"


def _text(value: object) -> str:
    return "" if value is None else str(value)
