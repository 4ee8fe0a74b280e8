"""Errors about documents: what cannot be read, and what cannot be written."""

from __future__ import annotations

from typing import ClassVar

from tutela.cybertip.codes import Code
from tutela.errors import InputError


class DocumentError(InputError):
    """A CyberTipline document cannot be used.

    Attributes:
        response: the code that a server answers it with.
        line: where in the document, from 1, or 0 when that is not known.
    """

    code = "cybertip.document"
    response: ClassVar[Code] = Code.INVALID_REQUEST

    def __init__(self, message: str, *, hint: str = "", line: int = 0) -> None:
        super().__init__(message, hint=hint)
        self.line = line


class DocumentTooLarge(DocumentError):
    """The document passes a cap on its bytes, depth, elements or attributes."""

    code = "cybertip.too-large"


class MalformedXml(DocumentError):
    """Not well-formed UTF-8 XML, or XML with a document type, which is never read."""

    code = "cybertip.malformed-xml"
    response = Code.MALFORMED_XML


class SchemaInvalid(DocumentError):
    """The document does not follow the schema.

    Attributes:
        reason: what is wrong, by element names; never the values found.
    """

    code = "cybertip.schema-invalid"
    response = Code.VALIDATION_FAILED

    def __init__(self, reason: str, *, hint: str = "", line: int = 0) -> None:
        place = f" (line {line})" if line else ""
        super().__init__(f"the document does not follow the schema{place}: {reason}", hint=hint, line=line)
        self.reason = reason


class RuleBroken(SchemaInvalid):
    """The schema holds, but a documented rule that a schema cannot state does not."""

    code = "cybertip.rule-broken"


class NotWritable(DocumentError):
    """A document that we made cannot be sent: a text is too long or has characters that XML cannot carry."""

    code = "cybertip.not-writable"
