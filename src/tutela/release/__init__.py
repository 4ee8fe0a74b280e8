"""Releases that can be checked: built twice, listed, signed, and logged."""
