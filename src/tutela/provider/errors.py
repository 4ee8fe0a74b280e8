"""What can go wrong at the provider, beyond what the rooms that it uses say."""

from __future__ import annotations

from typing import ClassVar

from tutela.errors import EnvironmentProblem, InputError, RemoteError, UsageError, VerificationError


class NotConfigured(EnvironmentProblem):
    """The provider has no usable configuration."""

    code = "provider.not_configured"


class AlertsOff(EnvironmentProblem):
    """Provider alerts may not run: no valid epoch, or no valid legal basis for the jurisdiction."""

    code = "provider.alerts_off"


class AtRestError(VerificationError):
    """Something sealed at rest does not open with this server's key, or stands in another place."""

    code = "provider.at_rest"


class WithdrawalError(UsageError):
    """An entry cannot be withdrawn as asked."""

    code = "provider.withdrawal"


class AppealError(InputError):
    """An appeal cannot be taken or decided as asked."""

    code = "provider.appeal"


class IntakeError(InputError):
    """A message of the homeserver is refused for good; `status` is the HTTP status of the answer."""

    code = "provider.intake"
    status: ClassVar[int] = 400


class MalformedRequest(IntakeError):
    """The JSON of a request is not of the agreed form."""

    code = "provider.malformed_request"


class UnknownDevice(IntakeError):
    """A voucher comes from a device that has not enrolled under this table."""

    code = "provider.unknown_device"
    status = 404


class OtherTable(IntakeError):
    """An enrolment or a voucher is made for another table than the one in use."""

    code = "provider.other_table"
    status = 409


class Transplanted(IntakeError):
    """A voucher or an enrolment of one account was handed in for another.

    Not 403: to the homeserver that would speak of its own token, and it would try for ever.
    """

    code = "provider.transplanted"
    status = 409


class KeyDue(IntakeError):
    """The device was asked to renew its key and had time for it, but did not."""

    code = "provider.key_due"
    status = 409


class SlotReplayed(IntakeError):
    """The device has used this slot for another voucher."""

    code = "provider.slot_replayed"
    status = 409


class TooMany(IntakeError):
    """The device sends more in a day than the provider takes."""

    code = "provider.too_many"
    status = 429


class MediaUnavailable(RemoteError):
    """The homeserver does not have the ciphertext (any more)."""

    code = "provider.media_unavailable"


class HomeserverFailed(RemoteError):
    """The homeserver could not be reached, or failed; the fetch is tried again."""

    code = "provider.homeserver_failed"


class OriginalMismatch(VerificationError):
    """The unsealed original is not the picture that the voucher spoke of."""

    code = "provider.original_mismatch"
