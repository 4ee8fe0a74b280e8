from __future__ import annotations

from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # machines that share their cores miss deadlines
settings.load_profile("unhurried")
