from __future__ import annotations

from tutela import __version__

project = "Tutela"
author = "The Tutela authors"
release = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "Tutela"
myst_heading_anchors = 3
exclude_patterns = ["_build"]
