"""The national centre's referral hub: intake, routing and the analyst's queue.

A Django app (label `hub`) of the project in `tutela.console`. It takes CyberTipline reports from
providers at `/ispws/*`, keeps their files sealed under the hub's own key, works out which agency a
finished report belongs to and why, and shows analysts a queue.

What it does NOT do: it never lowers a report's urgency, never drops a report, and never sends
anything to an agency without a person's decision.
"""

from __future__ import annotations
