from __future__ import annotations

import sys
from pathlib import Path

from hypothesis import settings

sys.path.insert(0, str(Path(__file__).parent))  # the samples beside the tests

settings.register_profile("unhurried", deadline=None)  # machines that share their cores miss deadlines
settings.load_profile("unhurried")
