"""The clear matching index: nearest hash, and groups of near duplicates."""

from __future__ import annotations

from tutela.hashlist.index.flat import FlatIndex
from tutela.hashlist.index.near import UnionFind, join_near

__all__ = ["FlatIndex", "UnionFind", "join_near"]
