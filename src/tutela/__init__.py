"""Tutela: child safety inside end-to-end encryption.

Each package below is one room of the house that `docs/ARCHITECTURE.md` draws.
"""

__version__ = "0.1.0"
