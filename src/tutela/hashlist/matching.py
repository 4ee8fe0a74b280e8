"""What the confirmation of an opening asks of a list: the nearest entry in the clear."""

from __future__ import annotations

from collections.abc import Callable

from tutela.hashlist.clusters import RADIUS
from tutela.hashlist.hash_list import HashList
from tutela.voucher.opening import Listed


def nearest_in(hash_list: HashList, radius: int = RADIUS) -> Callable[[bytes], Listed | None]:
    """Return the look-up that `tutela.voucher.opening.close` takes, over this list."""

    def nearest(pdq: bytes) -> Listed | None:
        found = hash_list.nearest(pdq, radius)
        if found is None:
            return None
        return Listed(entry=found.entry.id, cluster=found.entry.cluster, distance=found.distance)

    return nearest
