"""Clients with the guard inside: one interface, an in-process messenger for tests, and Matrix."""
