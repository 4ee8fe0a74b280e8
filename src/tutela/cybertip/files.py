"""`<fileDetails>`: what is said about one uploaded file."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated

from tutela.cybertip.binding import ASIDE, ATTRIBUTE, TEXT, Flag, Xml
from tutela.cybertip.parties import DeviceId, IpCaptureEvent, Text64, Url
from tutela.cybertip.vocabulary import FileRelevance, IndustryClassification, MetadataType


@dataclass(frozen=True, slots=True, kw_only=True)
class FileAnnotations:
    """Marks on a file, by the names of the schema."""

    anime_drawing_virtual_hentai: Flag = False
    potential_meme: Flag = False
    viral: Flag = False
    possible_self_production: Flag = False
    physical_harm: Flag = False
    violence_gore: Flag = False
    bestiality: Flag = False
    live_streaming: Flag = False
    infant: Flag = False
    generative_ai: Flag = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FileHash:
    """A digest of the file as it was on the service; `hash_type` is free ("MD5", "SHA256", "PDQ")."""

    value: Annotated[str, TEXT]
    hash_type: Annotated[str, Xml(place="attribute", limit=64)]


@dataclass(frozen=True, slots=True, kw_only=True)
class NameValue:
    """One pair of metadata."""

    name: Text64
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """Metadata of one origin; at least one pair."""

    name_value_pair: tuple[NameValue, ...]
    type: Annotated[MetadataType | None, ATTRIBUTE] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileDetails:
    """The document of `/fileinfo`.

    `file_viewed_by_esp` has three states, and the third (nothing said) is not "no". `potential_meme` is
    the older form of the annotation of that name; a document has one form or the other.

    Attributes:
        warnings: notices from reading; not part of the document.
    """

    report_id: int
    file_id: Annotated[str, Xml(token=True)]
    file_name: str | None = None
    original_file_name: Annotated[str | None, Xml(limit=2056)] = None
    uploaded_to_esp_timestamp: datetime | None = None
    location_of_file: Url | None = None
    file_viewed_by_esp: bool | None = None
    exif_viewed_by_esp: bool | None = None
    publicly_available: bool | None = None
    file_relevance: FileRelevance | None = None
    potential_meme: bool | None = None
    file_annotations: FileAnnotations | None = None
    industry_classification: IndustryClassification | None = None
    original_file_hash: tuple[FileHash, ...] = ()
    ip_capture_event: IpCaptureEvent | None = None
    device_id: tuple[DeviceId, ...] = ()
    details: tuple[Details, ...] = ()
    additional_info: tuple[str, ...] = ()
    warnings: Annotated[tuple[str, ...], ASIDE] = field(default=(), compare=False)
