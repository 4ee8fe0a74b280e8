"""What the centre is told, as CyberTipline documents (`tutela.cybertip`).

The report says how the match arose, so that whoever reads it can judge it: threshold, epoch, distances, two
reviewers by their role. It never says that a person saw a file, because none did (`fileViewedByEsp`: false).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from tutela.cybertip.documents import (
    ChatImIncident,
    Details,
    DeviceId,
    Email,
    FileDetails,
    FileHash,
    IncidentSummary,
    IpCaptureEvent,
    NameValue,
    Person,
    PersonOrUserReported,
    Report,
    Reporter,
)
from tutela.cybertip.vocabulary import (
    EmailType,
    EventName,
    FileRelevance,
    IncidentType,
    IndustryClassification,
    MetadataType,
)
from tutela.provider.config import Config
from tutela.provider.judging import Original
from tutela.provider.models import Case, CaseImage, Decision

#: the statutory kind of incident for known material
KNOWN_MATERIAL: Final = IncidentType.CHILD_PORNOGRAPHY
_CLASSES: Final = frozenset(IndustryClassification)


def report(case: Case, images: list[CaseImage], config: Config) -> Report:
    """Return the report of a case on its verified pictures (at least one)."""
    last = max(image.sent_at for image in images)
    return Report(
        incident_summary=IncidentSummary(
            incident_type=KNOWN_MATERIAL,
            platform=config.organisation,
            incident_date_time=last.astimezone(UTC),
            incident_date_time_description=f"Time of the last of {len(images)} uploads, UTC.",
        ),
        internet_details=(ChatImIncident(chat_client=config.organisation),),
        reporter=_reporter(config),
        person_or_user_reported=(_account(case, images, config, prior=()),),
        additional_info=narrative(case, images, config),
    )


def follow_up(case: Case, prior: int, config: Config, now: datetime) -> Report:
    """Return the message that follows a finished report: it is taken back, or a file of it falls away."""
    fallen = list(case.images.filter(withdrawn=True))
    return Report(
        incident_summary=IncidentSummary(
            incident_type=KNOWN_MATERIAL,
            platform=config.organisation,
            incident_date_time=now.astimezone(UTC),
            incident_date_time_description="Time of this correction, UTC.",
        ),
        reporter=_reporter(config),
        person_or_user_reported=(_account(case, [], config, prior=(prior,)),),
        additional_info=_correction(case, fallen, prior),
    )


def file_details(image: CaseImage, original: Original) -> FileDetails:
    """Return what is said of one original; the session fills in its report and file ids."""
    scale, _, code = image.category.partition(" ")
    return FileDetails(
        report_id=0,
        file_id="",
        uploaded_to_esp_timestamp=image.sent_at.astimezone(UTC),
        file_viewed_by_esp=False,
        exif_viewed_by_esp=False,
        publicly_available=False,
        file_relevance=FileRelevance.REPORTED,
        industry_classification=(
            IndustryClassification(code) if scale == "ncmec" and code in _CLASSES else None
        ),
        original_file_hash=(
            FileHash(value=original.md5, hash_type="MD5"),
            FileHash(value=original.sha256, hash_type="SHA256"),
            FileHash(value=original.pdq, hash_type="PDQ"),
        ),
        ip_capture_event=_seen(image),
        details=(
            Details(
                type=MetadataType.HASH,
                name_value_pair=(
                    NameValue(name="listed entry", value=image.entry_id),
                    NameValue(name="listed as", value=image.category),
                    NameValue(name="PDQ distance to the listed entry", value=str(original.to_entry)),
                ),
            ),
        ),
    )


def file_name(image: CaseImage, original: Original) -> str:
    """Return the name that an original is uploaded under; it repeats none that a user chose."""
    return f"{image.case.reference}-{image.slot}.{original.format.lower()}"


def narrative(case: Case, images: list[CaseImage], config: Config) -> str:
    """Return how the match arose, in sentences, without the name of any reviewer."""
    distances = ", ".join(str(image.distance) for image in images)
    clusters = len({image.cluster for image in images})
    return (
        f"How this match arose. {config.organisation} compares pictures with an endorsed list under"
        f" end-to-end encryption; a device's vouchers stay closed until {case.threshold} distinct entries of"
        f" the list were sent from it in one period. This device sent {len(images)} such pictures of"
        f" {clusters} distinct entries under epoch {case.epoch} of the list. Each opened voucher was made"
        " again from its own seed and agreed in every byte. The PDQ hashes are at these distances from their"
        f" entries, out of 256 bits, where at most 31 count as a match: {distances}. Two different people"
        f" ({_roles(case)}) then compared small grey derivatives with the list's classification and agreed;"
        f" the last decision was taken at {_stamp(case)} UTC. Only after that the originals were decrypted,"
        " by machine: each has the SHA-256 that its upload had and was hashed again. No person at the"
        f" provider has viewed a file. Case {case.reference}."
    )


def _correction(case: Case, fallen: list[CaseImage], prior: int) -> str:
    names = ", ".join(sorted({image.entry_id for image in fallen})) or "none"
    if case.is_final:
        return (
            f"Reversal. The provider takes back report {prior}: case {case.reference} no longer holds."
            f" Withdrawn list entries behind it: {names}. Reason: {case.end_reason or 'not stated'}."
            " Please inform whoever received the report."
        )
    return (
        f"Correction of report {prior}, case {case.reference}. These entries were withdrawn from the list:"
        f" {names}. The report stands on the other files. Please inform whoever received it."
    )


def _roles(case: Case) -> str:
    agreed = case.decisions.filter(verdict=Decision.Verdict.AGREE).select_related("reviewer")
    roles = [_role(decision) for decision in agreed]
    if len(set(roles)) == 1 and len(roles) == 2:
        return f"both {roles[0]}s"
    return " and ".join(f"a {role}" for role in roles)


def _role(decision: Decision) -> str:
    roles = sorted(decision.reviewer.roles)
    return roles[0] if roles else "reviewer"


def _stamp(case: Case) -> str:
    last = case.decisions.order_by("-decided_at").first()
    moment = last.decided_at if last else case.opened_at
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _reporter(config: Config) -> Reporter:
    email = Email(value=config.contact_email, type=EmailType.BUSINESS)
    return Reporter(reporting_person=Person(first_name=config.organisation[:100], email=(email,)))


def _account(
    case: Case, images: list[CaseImage], config: Config, *, prior: tuple[int, ...]
) -> PersonOrUserReported:
    account, device = case.device.account, case.device.device_id
    seen = {(image.ip, image.port, image.sent_at): _seen(image) for image in images}
    return PersonOrUserReported(
        esp_identifier=account,
        esp_service=config.organisation[:100],
        screen_name=account.removeprefix("@").split(":", 1)[0],
        ip_capture_event=tuple(event for event in seen.values() if event),
        device_id=(DeviceId(id_type="messenger device", id_value=device),),
        prior_ct_reports=prior,
    )


def _seen(image: CaseImage) -> IpCaptureEvent | None:
    """Return from where a picture was sent; None once the case ended, when that is deleted."""
    if image.ip is None:
        return None
    return IpCaptureEvent(
        ip_address=image.ip,
        event_name=EventName.UPLOAD,
        date_time=image.sent_at.astimezone(UTC),
        port=image.port,
    )
