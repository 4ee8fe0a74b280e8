"""Thin commands: parse arguments, call a room, print. No logic that a room needs lives here."""
