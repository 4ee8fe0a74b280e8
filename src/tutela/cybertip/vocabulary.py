"""The fixed words of the CyberTipline schema.

Their spelling is the schema's, which in turn takes the incident types from United States law
(18 U.S.C. 2258A and the sections that it names).
"""

from __future__ import annotations

from enum import StrEnum


class IncidentType(StrEnum):
    """Statutory kinds of incident."""

    CHILD_PORNOGRAPHY = "Child Pornography (possession, manufacture, and distribution)"
    CHILD_SEX_TRAFFICKING = "Child Sex Trafficking"
    CHILD_SEX_TOURISM = "Child Sex Tourism"
    CHILD_SEXUAL_MOLESTATION = "Child Sexual Molestation"
    MISLEADING_DOMAIN_NAME = "Misleading Domain Name"
    MISLEADING_WORDS_OR_IMAGES = "Misleading Words or Digital Images on the Internet"
    ONLINE_ENTICEMENT = "Online Enticement of Children for Sexual Acts"
    UNSOLICITED_OBSCENE_MATERIAL = "Unsolicited Obscene Material Sent to a Child"


class EventName(StrEnum):
    """During what an address or a device was seen."""

    LOGIN = "Login"
    REGISTRATION = "Registration"
    PURCHASE = "Purchase"
    UPLOAD = "Upload"
    OTHER = "Other"
    UNKNOWN = "Unknown"


class AddressType(StrEnum):
    """Kinds of postal address."""

    HOME = "Home"
    BUSINESS = "Business"
    BILLING = "Billing"
    SHIPPING = "Shipping"
    TECHNICAL = "Technical"


class EmailType(StrEnum):
    """Kinds of e-mail address."""

    HOME = "Home"
    WORK = "Work"
    BUSINESS = "Business"
    RECOVERY = "Recovery"


class PhoneType(StrEnum):
    """Kinds of telephone number."""

    MOBILE = "Mobile"
    HOME = "Home"
    BUSINESS = "Business"
    WORK = "Work"
    FAX = "Fax"
    INTERNET = "Internet"
    RECOVERY = "Recovery"


class AssociatedAccountType(StrEnum):
    """How an account is tied to another."""

    BILLING = "Billing"
    LINKED = "Linked"
    BUSINESS = "Business"
    CREATOR = "Creator"
    PARENT_OR_GUARDIAN = "Parent/Guardian"
    OTHER = "Other"


class BatchReason(StrEnum):
    """Why one report speaks of many people."""

    VIRAL_POTENTIAL_MEME = "VIRAL_POTENTIAL_MEME"


class FileRelevance(StrEnum):
    """Whether a file is what is reported, or helps to understand it."""

    REPORTED = "Reported"
    SUPPLEMENTAL = "Supplemental Reported"


class IndustryClassification(StrEnum):
    """The industry's scale: a letter for the age group, a digit for what is shown."""

    A1 = "A1"
    A2 = "A2"
    B1 = "B1"
    B2 = "B2"


class MetadataType(StrEnum):
    """Where a name-value pair about a file comes from."""

    EXIF = "EXIF"
    HASH = "HASH"
