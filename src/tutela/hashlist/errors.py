"""What can go wrong with a list."""

from __future__ import annotations

from tutela.errors import InputError


class ListError(InputError):
    """A list, or something that should become one, cannot be used."""

    code = "hashlist"


class BadEntry(ListError):
    """A field of an entry is missing, of another type, or out of range."""

    code = "hashlist.entry"


class CategoryRefused(BadEntry):
    """The classification is not of the closed set that a list may hold."""

    code = "hashlist.category"


class BadLine(ListError):
    """One line of a file cannot be read; the message names it, and nothing of the file is used."""

    code = "hashlist.line"

    def __init__(self, line: int, problem: str, *, hint: str = "") -> None:
        super().__init__(f"Line {line}: {problem}", hint=hint)
        self.line = line


class BadFile(ListError):
    """The file is not there, not of this format, too large or cut short."""

    code = "hashlist.file"


class BadPictures(ListError):
    """Some files of the folder are not readable pictures."""

    code = "hashlist.pictures"


class BadJSON(ListError):
    """The text is not JSON of the strict kind that is read here."""

    code = "hashlist.json"
