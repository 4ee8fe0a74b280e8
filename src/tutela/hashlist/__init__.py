"""Lists of fingerprints: entries with provenance, formats in and out, the clear index, epochs."""

from __future__ import annotations

from tutela.hashlist.categories import PURPOSE, SCALES, check_category
from tutela.hashlist.clusters import RADIUS, clustered, clusters
from tutela.hashlist.entries import Entry, Labels, Provenance
from tutela.hashlist.errors import (
    BadEntry,
    BadFile,
    BadJSON,
    BadLine,
    BadPictures,
    CategoryRefused,
    ListError,
)
from tutela.hashlist.hash_list import HashList, Nearest

__all__ = [
    "PURPOSE",
    "RADIUS",
    "SCALES",
    "BadEntry",
    "BadFile",
    "BadJSON",
    "BadLine",
    "BadPictures",
    "CategoryRefused",
    "Entry",
    "HashList",
    "Labels",
    "ListError",
    "Nearest",
    "Provenance",
    "check_category",
    "clustered",
    "clusters",
]
