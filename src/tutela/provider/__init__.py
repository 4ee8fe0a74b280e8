"""The messenger provider: vouchers arrive, a threshold opens them, two people review, the centre is told.

What this room never does: it opens nothing below the threshold, shows no original to a reviewer, reports
nothing without two different people, and keeps nothing of a voucher that did not match.
It speaks HTTP to the homeserver (both ways) and to the national centre, and imports neither.
"""
