"""What tests of both consoles in one process share: URLs by role, and everybody's password."""

from __future__ import annotations

import sys
import types

PASSWORD = "correct horse battery staple"


def urlconf(role: str) -> str:
    """Return the name of a module whose `urlpatterns` are those of one role's console."""
    from tutela.console import urls

    name = f"tests_urls_{role}"
    if name not in sys.modules:
        module = types.ModuleType(name)
        module.urlpatterns = urls.patterns(role)
        for handler in ("handler403", "handler404", "handler500"):
            setattr(module, handler, getattr(urls, handler))
        sys.modules[name] = module
    return name
