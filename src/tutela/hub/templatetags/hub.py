"""Words, colours and percentages for templates."""

from __future__ import annotations

from django import template

from tutela.hub import labels

register = template.Library()


@register.filter
def incident(statutory: str) -> str:
    """Return the short word for an incident type."""
    return labels.incident(statutory)


@register.filter
def state_word(state: str) -> str:
    """Return the word for a state of the queue."""
    return labels.STATES.get(state, state)


@register.filter
def state_colour(state: str) -> str:
    """Return the tag colour of a state of the queue."""
    return labels.COLOURS.get(state, "grey")


@register.filter
def viewed_colour(viewed: str) -> str:
    """Return the tag colour of what the provider said about viewing."""
    return labels.VIEWED_COLOURS.get(viewed, "grey")


@register.filter
def percent(value: float) -> str:
    """Return a number from 0 to 1 as a percentage."""
    return f"{value:.0%}"


@register.filter
def thousands(value: int) -> str:
    """Return a whole number with its thousands apart."""
    return f"{value:,}"
