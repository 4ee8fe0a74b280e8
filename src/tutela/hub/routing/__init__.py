"""Which agency a report belongs to, and why.

A pure core: facts of a report go in (`Facts`), location signals with a confidence and a reason each
come out (`read_signals`), and a decision with every signal kept (`decide`). Two data files steer it:
a rule table country -> agency (TOML, `Rules`) and address ranges with their country (CSV, `Ranges`).

What this does NOT protect against: an address says where a connection came out, not where a person
is; a proxy, a roaming phone or a shared address sends a report to the wrong country. Therefore the
decision is a proposal that an analyst confirms or changes, and all signals stay visible.
"""

from __future__ import annotations

from tutela.hub.routing.decide import Decision, decide
from tutela.hub.routing.phones import CallingCodes
from tutela.hub.routing.ranges import Ranges
from tutela.hub.routing.rules import AgencyRule, Rules
from tutela.hub.routing.signals import Facts, IpEvent, Phone, Place, Signal, read_signals

__all__ = [
    "AgencyRule",
    "CallingCodes",
    "Decision",
    "Facts",
    "IpEvent",
    "Phone",
    "Place",
    "Ranges",
    "Rules",
    "Signal",
    "decide",
    "read_signals",
]
