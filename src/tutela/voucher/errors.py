"""What can go wrong in private matching."""

from __future__ import annotations

from tutela.errors import InputError, VerificationError


class VoucherMalformed(InputError):
    """The bytes are not a voucher or an enrolment of this format."""

    code = "voucher.malformed"


class VoucherRefused(VerificationError):
    """A well-formed voucher belongs to another device, table or account, or its signature is bad."""

    code = "voucher.refused"


class RederivationError(VerificationError):
    """An opened voucher is not what its own seed produces: it was not made by an honest device."""

    code = "voucher.rederivation"


class TableError(VerificationError):
    """A table, or a group call on it, failed a check: the whole table is out of use."""

    code = "voucher.table"


class AuditFailed(VerificationError):
    """The published table is not exactly what the list and one key give, or its proof does not show it."""

    code = "audit.failed"


class OtherTable(AuditFailed):
    """The proof names another table or another key."""

    code = "audit.other_table"


class OtherCount(AuditFailed):
    """The table is for another number of tokens than the list has."""

    code = "audit.count"


class OtherLayout(AuditFailed):
    """The list's tokens cannot be placed as the table's header says."""

    code = "audit.layout"


class OtherRoot(AuditFailed):
    """The table's file is not the one of its header's root."""

    code = "audit.root"


class OtherStatement(AuditFailed):
    """The proof is about another list of tokens, or another layout."""

    code = "audit.statement"


class BadSlot(AuditFailed):
    """A slot of the table, or its public key, is not a group element."""

    code = "audit.slot"


class Inexact(AuditFailed):
    """Some token or free slot is not the list's point under the one key: too much, too little, or changed."""

    code = "audit.inexact"


class Differs(AuditFailed):
    """The table, built again from the list and the key, is another one."""

    code = "audit.differs"


class AuditMalformed(InputError):
    """The bytes are not an audit proof, or a reference set, of this format."""

    code = "audit.malformed"


class Uncommitted(VerificationError):
    """The reference set is not the one that was committed to before: nothing is proved on demand."""

    code = "audit.uncommitted"


class LawfulListed(VerificationError):
    """A picture of the lawful reference set agrees with the table."""

    code = "audit.listed"


class LawfulRefused(VerificationError):
    """A proof that lawful pictures are not in the table does not hold."""

    code = "audit.lawful"
