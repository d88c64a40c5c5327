"""How much the rows of one request are alike, from a sample of requests; made into design effects."""

from __future__ import annotations

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.design_effect import DesignEffect, Effects
from trueserve.transforms.branches.samples.group_sample import MOST_GROUPS, GroupSample
from trueserve.transforms.branches.samples.groups import groups_of
from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch

#: The kind of a result is the name of the space, and this.
REQUESTS = "-requests"
# Fewer ids are no requests: a model's name, a client's, a constant.
_LEAST_IDS = 100


def requests(space: str) -> Single:
    """The branch of the design effects of a space's features."""
    return Single((f"{space}{REQUESTS}", 0), RequestsPartial)


class RequestsPartial(RowsPartial):
    """Samples of records of several rows, and of request ids of other rows; the rest are alone."""

    def __init__(self, most: int = MOST_GROUPS) -> None:
        self._num_rows = 0
        self._of_records, self._of_ids = GroupSample(most), GroupSample(most)

    def add(self, batch: Batch) -> None:
        self._num_rows += batch.features.num_rows
        groups = groups_of(batch)
        for sample, (rows, of_rows) in ((self._of_records, groups.of_records), (self._of_ids, groups.of_ids)):
            wanted = sample.wanted(of_rows)
            wanted = wanted[sample.thinned(of_rows[wanted], groups.order(rows[wanted]))]
            if len(wanted):
                kept = batch.features.take(pa.array(rows[wanted]))
                sample.add(of_rows[wanted], groups.order(rows[wanted]), compact_rows.compact(kept))

    def merge(self, other: RequestsPartial) -> None:
        self._num_rows += other._num_rows
        self._of_records.merge(other._of_records)
        self._of_ids.merge(other._of_ids)

    def result(self) -> Effects:
        """By feature; empty where no rows belong together more than by chance."""
        samples = [self._of_records]
        self._of_ids.settle()
        if self._of_ids.num_groups >= _LEAST_IDS:
            samples.append(self._of_ids)
        effects: dict[str, DesignEffect] = {}
        for sample in samples:
            sample.settle()
            share = sample.num_rows / max(self._num_rows, 1)
            effects = design_effect.added(effects, design_effect.of_sample(sample), share)
        return effects

    @property
    def num_bytes(self) -> int:
        return self._of_records.num_bytes + self._of_ids.num_bytes
