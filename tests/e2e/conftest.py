"""One epoch for all tests of the whole house."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.houses import data_folder


@pytest.fixture(scope="session")
def epoch_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder in which the first run builds the list and its table."""
    return tmp_path_factory.mktemp("epoch-cache")


@pytest.fixture(scope="session")
def new_folder(tmp_path_factory: pytest.TempPathFactory, epoch_cache: Path) -> Callable[[str], Path]:
    """Return a maker of data folders."""
    return lambda name: data_folder(tmp_path_factory.mktemp("house") / name, epoch_cache)
