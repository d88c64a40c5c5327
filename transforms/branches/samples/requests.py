"""How much the rows of one request, or of one group by a feature, are alike; made into design effects."""

from __future__ import annotations

from trueserve.transforms.branches.branch import Single
from trueserve.transforms.branches.partial import RowsPartial
from trueserve.transforms.branches.samples import design_effect
from trueserve.transforms.branches.samples.design_effect import Effects
from trueserve.transforms.branches.samples.group_sample import MOST_GROUPS, GroupSample
from trueserve.transforms.branches.samples.group_sizes import GroupSizes
from trueserve.transforms.branches.samples.groups import groups_of
from trueserve.transforms.columnar import compact_rows
from trueserve.transforms.core.arrow import pa
from trueserve.transforms.core.batches import Batch

#: The kind of a result is the name of the space, and this.
REQUESTS = "-requests"
# Fewer ids are no requests: a model's name, a client's, a constant.
_LEAST_IDS = 100
# Of a user there may be hundreds of rows: how alike they are must be known as much better than of a request.
_ROWS_OF_FEATURE = 25


def requests(space: str) -> Single:
    """The branch of the design effects of a space's features."""
    return Single((f"{space}{REQUESTS}", 0), RequestsPartial)


class RequestsPartial(RowsPartial):
    """Samples of groups by a feature, of records of several rows, and of request ids; the rest are alone."""

    def __init__(self, most: int = MOST_GROUPS, rows_of_feature: int = _ROWS_OF_FEATURE) -> None:
        self._num_rows = 0
        self._of_feature, self._sizes = GroupSample(most, rows_of_feature), GroupSizes()
        self._of_records, self._of_ids = GroupSample(most), GroupSample(most)

    def add(self, batch: Batch) -> None:
        self._num_rows += batch.features.num_rows
        groups = groups_of(batch)
        self._sizes.add(groups.of_feature[1])
        for sample, (rows, of_rows) in (
            (self._of_feature, groups.of_feature),
            (self._of_records, groups.of_records),
            (self._of_ids, groups.of_ids),
        ):
            wanted = sample.wanted(of_rows)
            wanted = wanted[sample.thinned(of_rows[wanted], groups.order(rows[wanted]))]
            if len(wanted):
                kept = batch.features.take(pa.array(rows[wanted]))
                sample.add(of_rows[wanted], groups.order(rows[wanted]), compact_rows.compact(kept))

    def merge(self, other: RequestsPartial) -> None:
        self._num_rows += other._num_rows
        self._of_feature.merge(other._of_feature)
        self._sizes.merge(other._sizes)
        self._of_records.merge(other._of_records)
        self._of_ids.merge(other._of_ids)

    def result(self) -> Effects:
        """By feature; empty where no rows belong together more than by chance."""
        self._of_feature.settle()
        effects = design_effect.of_feature_groups(self._of_feature, self._sizes.mean)
        of_all = design_effect.added({}, effects, self._share(self._of_feature))
        samples = [self._of_records]
        self._of_ids.settle()
        if self._of_ids.num_groups >= _LEAST_IDS:
            samples.append(self._of_ids)
        for sample in samples:
            sample.settle()
            of_all = design_effect.added(of_all, design_effect.of_sample(sample), self._share(sample))
        return of_all

    @property
    def num_bytes(self) -> int:
        samples = (self._of_feature, self._of_records, self._of_ids)
        return self._sizes.num_bytes + sum(sample.num_bytes for sample in samples)

    def _share(self, sample: GroupSample) -> float:
        return sample.num_rows / max(self._num_rows, 1)
