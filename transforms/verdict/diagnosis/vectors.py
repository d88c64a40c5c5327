"""What was done to a vector: which of its positions are dead, where they went, or what they were mixed to."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from tensorflow_metadata.proto.v0 import schema_pb2

from trueserve.transforms.verdict.diagnosis.causes import SCALE, SHIFT, SPREAD
from trueserve.transforms.verdict.evidence.vectors import difference
from trueserve.transforms.verdict.evidence.vectors.difference import Compared, VectorDifference
from trueserve.transforms.verdict.evidence.vectors.profile import Profile
from trueserve.transforms.verdict.model import Diagnosis
from trueserve.transforms.verdict.wording import number, spans

Array = np.ndarray[Any, Any]

DEAD, NOT_FINITE, PERMUTED = "dead positions", "positions that are not finite", "permuted positions"
CHANNELS, ROTATED, OTHER_NORM = "image channels or axes moved", "rotated or mixed positions", "another norm"
SOME = "some positions"
OTHER = "another encoder"
#: Causes that say more than the distribution of all values together can.
PRECISE = (DEAD, NOT_FINITE, PERMUTED, CHANNELS, SOME)
#: Causes by which positions are no function of what they were.
MIXED = (ROTATED, OTHER_NORM, OTHER)

# What explains all but so many of the positions that differ explains them.
# A mean that moves by less of a deviation stays where it was.
_OF_DEVIATION = 0.1
_LEFT = 0.05
# So many are some positions, which are told without a word on the others.
_FEW = 0.1
# Norms within this factor of each other are one.
_SAME_NORM = 1.1
# Positions of longer vectors are matched by their means alone.
_MOST_MATCHED = 1024
_ROUNDS = 30
# From such a share of rows on a position is said to be not finite.
_NOT_FINITE = 0.005
_CERTAIN, _LIKELY, _POSSIBLE = 0.98, 0.9, 0.7


@dataclasses.dataclass(frozen=True)
class _Reordered:
    """Training's positions in another order: serving's position i is training's `order[i]`."""

    cause: str
    description: str
    order: Array


def diagnose(change: VectorDifference, feature: schema_pb2.Feature | None) -> Diagnosis | None:
    """What was done, as far as moments of the positions say; None where nothing of them differs.

    Args:
      feature: the schema's, of which the shape may say that it is an image.
    """
    compared, sums = change.of_positions, change.of_sums
    if compared is None or sums is None:
        return None
    if not len(compared.differing):
        return Diagnosis(ROTATED, _POSSIBLE, _TOGETHER) if len(sums.differing) else None
    for explain in (_dead, _not_finite, _affine, _reordered):
        cause = explain(compared, feature)
        if cause is not None:
            return cause
    return _mixed(compared)


_TOGETHER = (
    "each position is as in training, but they go together in another way: rotated, or alike ones permuted"
)


def _dead(compared: Compared, _feature: schema_pb2.Feature | None) -> Diagnosis | None:
    before, after = compared.training.known, compared.serving.known
    dead = (after["deviation"] == 0) & (before["deviation"] > 0) & (after["finite"] > 0)
    which = [int(each) for each in compared.differing if dead[each]]
    if len(which) < (1 - _LEFT) * len(compared.differing):
        return None
    values = {float(after["mean"][each]) for each in which}
    constant = f"always {number(values.pop())}" if len(values) == 1 else "constant"
    return Diagnosis(DEAD, _CERTAIN, f"{_counted(which, compared)} {_are(which)} {constant} in serving")


def _not_finite(compared: Compared, _feature: schema_pb2.Feature | None) -> Diagnosis | None:
    less = compared.training.known["finite"] - compared.serving.known["finite"]
    for fewer, where in ((less, "in serving"), (-less, "in training, and not in serving")):
        which = [int(each) for each in compared.differing if fewer[each] > _NOT_FINITE]
        if len(which) >= (1 - _LEFT) * len(compared.differing):
            description = f"{_counted(which, compared)} {_are(which)} NaN or infinite {where}"
            return Diagnosis(NOT_FINITE, _CERTAIN, description)
    return None


def _affine(compared: Compared, _feature: schema_pb2.Feature | None) -> Diagnosis | None:
    """One factor for all positions, and one offset."""
    for factor, offset in _factors(compared.training, compared.serving):
        scaled = _times(compared.training, factor, offset)
        if offset:  # how often that is 0 is not known
            scaled.known["zeros"] = compared.serving.known["zeros"]
        if _explains(compared, scaled):
            times = f" x {number(factor)}" if not math.isclose(factor, 1, abs_tol=0.01) else ""
            if times and factor > 0 and _keeps_centre(compared.training, factor, offset):
                description = f"all positions are spread about the same centre, x {number(factor)}"
                return Diagnosis(SPREAD, _LIKELY, description)
            moved = f" {'+' if offset > 0 else '-'} {number(abs(offset))}" if offset else ""
            description = f"all positions are training's{times}{moved}"
            # A factor about a centre is also what noise does.
            is_sure = not (times and moved)
            return Diagnosis(SCALE if times else SHIFT, _LIKELY if is_sure else _POSSIBLE, description)
    return None


def _keeps_centre(before: Profile, factor: float, offset: float) -> bool:
    """Whether the mean of all positions stays where it was, and that is not 0 for a factor alone."""
    centre = float(np.mean(before.known["mean"]))
    deviation = float(np.sqrt(np.mean(np.square(before.known["deviation"], dtype=float))))
    moved = abs(factor * centre + offset - centre)
    return bool(offset) and moved < _OF_DEVIATION * deviation


def _factors(before: Profile, after: Profile) -> Iterator[tuple[float, float]]:
    """Factors and offsets that may explain all positions; without an offset first."""
    spreads = [
        float(np.sqrt(np.square(each.known["deviation"], dtype=float).sum())) for each in (before, after)
    ]
    if not all(spreads) or not before.energy:
        return
    for sign in (1, -1):
        yield sign * math.sqrt(after.energy / before.energy), 0.0
    for factor in (1.0, spreads[1] / spreads[0], -spreads[1] / spreads[0]):
        yield factor, float(np.mean(after.known["mean"] - factor * before.known["mean"]))


def _times(profile: Profile, factor: float, offset: float) -> Profile:
    known = profile.known.copy()
    known["mean"] = profile.known["mean"] * factor + offset
    known["deviation"] *= abs(factor)
    ends = [profile.known[field] * factor + offset for field in ("least", "most")]
    known["least"], known["most"] = ends if factor > 0 else ends[::-1]
    return profile._replace(known=known)


def _reordered(compared: Compared, feature: schema_pb2.Feature | None) -> Diagnosis | None:
    for candidate in _candidates(compared, feature):
        if _explains(compared, compared.training.taken(candidate.order)):
            confidence = _LIKELY if candidate.cause == PERMUTED else _CERTAIN
            return Diagnosis(candidate.cause, confidence, candidate.description)
    return None


def _explains(compared: Compared, training: Profile) -> bool:
    """Whether serving is as this profile, but for a few of the positions that differ."""
    left = difference.of_positions(training, compared.serving).differing
    return len(left) <= _LEFT * len(compared.differing)


def _candidates(compared: Compared, feature: schema_pb2.Feature | None) -> Iterator[_Reordered]:
    length, places = compared.training.length, np.arange(len(compared.training.known))
    if len(places) != length:
        return  # of blocks of positions it is not known where one went
    for height, width, channels in _image_shapes(feature, length):
        yield from _of_image(places, height, width, channels)
    yield _Reordered(PERMUTED, "the positions are training's from last to first", places[::-1])
    yield from _rolled(compared, places)
    by = _matched if length <= _MOST_MATCHED else _matched_by_mean
    matched = by(compared.training, compared.serving)
    moves = _moves(matched, compared)
    yield _Reordered(PERMUTED, f"the positions are training's in another order{moves}", matched)


def _image_shapes(feature: schema_pb2.Feature | None, length: int) -> list[tuple[int, int, int]]:
    """Height, width and channels: those of the schema, or of square images of so many values."""
    sizes = [dimension.size for dimension in feature.shape.dim] if feature is not None else []
    if len(sizes) == 3 and math.prod(sizes) == length:
        first, _, last = sizes
        return [(sizes[1], sizes[2], first) if first <= 4 < last else (first, sizes[1], last)]
    lengths = {channels: math.isqrt(length // channels) for channels in (3, 4, 1)}
    return [(n, n, c) for c, n in lengths.items() if n > 3 and n * n * c == length]


def _of_image(places: Array, height: int, width: int, channels: int) -> Iterator[_Reordered]:
    last, first = places.reshape(height, width, channels), places.reshape(channels, height, width)
    size = f"{height} x {width} x {channels}"
    if channels > 1:
        moved = f"the image ({size}) has its channels first, training has them last"
        yield _Reordered(CHANNELS, moved, last.transpose(2, 0, 1).reshape(-1))
        moved = f"the image ({size}) has its channels last, training has them first"
        yield _Reordered(CHANNELS, moved, first.transpose(1, 2, 0).reshape(-1))
        swapped = f"the image ({size}) has its channels in reverse: BGR for RGB?"
        yield _Reordered(CHANNELS, swapped, last[:, :, ::-1].reshape(-1))
        yield _Reordered(CHANNELS, swapped, first[::-1].reshape(-1))
    if height == width:
        turned = f"the image ({size}) has rows for columns"
        yield _Reordered(CHANNELS, turned, last.transpose(1, 0, 2).reshape(-1))
        yield _Reordered(CHANNELS, turned, first.transpose(0, 2, 1).reshape(-1))
    yield _Reordered(CHANNELS, f"the image ({size}) is upside down", last[::-1].reshape(-1))
    yield _Reordered(CHANNELS, f"the image ({size}) is mirrored", last[:, ::-1].reshape(-1))


def _rolled(compared: Compared, places: Array) -> Iterator[_Reordered]:
    """Moved along by the number of positions at which both profiles are most alike."""
    before, after = (_standardised(each) for each in (compared.training, compared.serving))
    both = np.fft.ifft(np.fft.fft(after, axis=0) * np.conj(np.fft.fft(before, axis=0)), axis=0).real.sum(1)
    steps = int(np.argmax(both))
    if steps:
        shown = steps if steps <= len(places) // 2 else steps - len(places)
        yield _Reordered(
            PERMUTED, f"the positions are training's moved along by {shown}", np.roll(places, steps)
        )


def _standardised(profile: Profile) -> Array:
    """Mean and deviation of each position, by which they are told apart, each of mean 0 and variance 1."""
    both = np.stack([profile.known["mean"], profile.known["deviation"].astype(float)], 1)
    spread = both.std(0)
    result: Array = (both - both.mean(0)) / np.where(spread > 0, spread, 1.0)
    return result


def _matched(training: Profile, serving: Profile) -> Array:
    """Training's position for each of serving, the nearest first: by mean, deviation and zeros."""
    before, after = _signature(training, training), _signature(serving, training)
    distances = ((after[:, None, :] - before[None, :, :]) ** 2).sum(2)
    result = np.full(len(after), -1)
    for _ in range(_ROUNDS):
        of_training = distances.argmin(1)
        mutual = (distances.argmin(0)[of_training] == np.arange(len(after))) & (result < 0)
        mutual &= np.isfinite(distances[np.arange(len(after)), of_training])
        result[mutual] = of_training[mutual]
        distances[mutual], distances[:, of_training[mutual]] = np.inf, np.inf
        if not mutual.any():
            break
    rest, free = np.flatnonzero(result < 0), np.setdiff1d(np.arange(len(after)), result)
    result[rest[np.argsort(after[rest, 0], kind="stable")]] = free[np.argsort(before[free, 0], kind="stable")]
    return result


def _matched_by_mean(training: Profile, serving: Profile) -> Array:
    """The same in the order of the means."""
    result = np.empty(len(serving.known), np.int64)
    before, after = (np.argsort(each.known["mean"], kind="stable") for each in (training, serving))
    result[after] = before
    return result


def _signature(profile: Profile, of: Profile) -> Array:
    """Mean, deviation and share of zeros, in units in which chance moves them about equally."""
    known = profile.known
    spread = float(np.sqrt(np.mean(np.square(of.known["deviation"], dtype=float)))) or 1.0
    parts = known["mean"] / spread, known["deviation"] * math.sqrt(2) / spread, known["zeros"]
    return np.stack([part.astype(float) for part in parts], 1)


def _moves(order: Array, compared: Compared) -> str:
    moved = [int(each) for each in compared.differing if order[each] != each]
    shown = ", ".join(f"{order[each]} to {each}" for each in sorted(moved)[:3])
    return f" ({shown}{', ...' if len(moved) > 3 else ''})" if shown else ""


def _mixed(compared: Compared) -> Diagnosis:
    before, after = compared.training, compared.serving
    which = [int(each) for each in compared.differing]
    ratio = math.sqrt(after.energy / before.energy) if before.energy > 0 else math.inf
    if len(which) <= _FEW * len(before.known):
        return Diagnosis(SOME, _LIKELY, f"{_counted(which, compared)} alone")
    if 1 / _SAME_NORM <= ratio <= _SAME_NORM:
        kept = "vectors are as long as in training, and the positions are other ones: rotated or mixed"
        return Diagnosis(ROTATED, _POSSIBLE, kept)
    if math.isfinite(ratio) and ratio > 0:
        return Diagnosis(OTHER_NORM, _POSSIBLE, f"vectors are {number(ratio)} times as long as in training")
    return Diagnosis(OTHER, _POSSIBLE, "vectors of another encoder")


def _counted(which: Sequence[int], compared: Compared) -> str:
    return (
        f"position{'s' * (len(which) > 1)} {spans(which, compared.training.width, compared.training.length)}"
    )


def _are(which: Sequence[int]) -> str:
    return "are" if len(which) > 1 else "is"
