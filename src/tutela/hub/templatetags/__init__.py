"""Template filters of the hub."""
