"""How every command speaks: one JSON object on stdout with `--json`, otherwise text for people.

Progress goes to stderr, so that stdout stays readable by programs.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

stdout = Console(highlight=False)
stderr = Console(stderr=True, highlight=False)


def emit(result: Mapping[str, Any], human: Callable[[], None], *, as_json: bool) -> None:
    """Print `result` as one JSON object, or call `human` to print it for people."""
    if as_json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
        sys.stdout.flush()
    else:
        human()
