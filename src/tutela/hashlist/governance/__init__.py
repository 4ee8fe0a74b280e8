"""Who decides what is in a list: organisations, signed statements, the rules, and what anybody can check.

    constitution   who takes part and how many must agree; changes only by its own quorum
    statements     submission, withdrawal, expiry, dispute, answer, decision, endorsement
    History        verified statements in order, only ever longer
    state_at       which entries are live at a moment, and why the others are not
    publish        the files of a list version;  verify_list  checks them offline
    Endorsements   what a device checks before it uses an epoch

Not protected: a coalition that reaches the quorum lists what it likes; this makes it visible, and names it.
"""

from __future__ import annotations

from tutela.hashlist.governance.commitments import Opening, commit, list_root, opening
from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.drawing import Drawn
from tutela.hashlist.governance.endorsements import Endorsements
from tutela.hashlist.governance.errors import GovernanceError, Reason
from tutela.hashlist.governance.history import History
from tutela.hashlist.governance.organisations import Directory, Key, Organisation
from tutela.hashlist.governance.publication import Audit, ListVersion, publish, verify_list
from tutela.hashlist.governance.records import Record
from tutela.hashlist.governance.signing import Verified, read_constitution, sign, sign_constitution, verify
from tutela.hashlist.governance.state import EntryState, RegisterState, Tombstone, Version, state_at
from tutela.hashlist.governance.statements import (
    Answer,
    Decision,
    Dispute,
    Endorsement,
    Expiry,
    Statement,
    Submission,
    Withdrawal,
)
from tutela.hashlist.governance.votes import Vote, VoteRule, votes_to_submission

__all__ = [
    "Answer",
    "Audit",
    "Constitution",
    "Decision",
    "Directory",
    "Dispute",
    "Drawn",
    "Endorsement",
    "Endorsements",
    "EntryState",
    "Expiry",
    "GovernanceError",
    "History",
    "Key",
    "ListVersion",
    "Opening",
    "Organisation",
    "Reason",
    "Record",
    "RegisterState",
    "Statement",
    "Submission",
    "Tombstone",
    "Verified",
    "Version",
    "Vote",
    "VoteRule",
    "Withdrawal",
    "commit",
    "list_root",
    "opening",
    "publish",
    "read_constitution",
    "sign",
    "sign_constitution",
    "state_at",
    "verify",
    "verify_list",
    "votes_to_submission",
]
