from __future__ import annotations

from list_samples import entry

from tutela.hashlist import HashList
from tutela.hashlist.matching import nearest_in


def test_the_nearest_entry_is_named_with_its_cluster() -> None:
    made = HashList((entry(1, bytes(32)), entry(2, b"\xff" * 32, cluster="e00001")))
    found = nearest_in(made)(b"\xff" * 31 + b"\xf0")
    assert found is not None
    assert (found.entry, found.cluster, found.distance) == ("e00002", "e00001", 4)
    assert nearest_in(made)(b"\x0f" * 32) is None
