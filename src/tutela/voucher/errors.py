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
