"""The rule table: which agency takes the reports of which country (TOML).

    version = 1
    desk = "centre-desk"            # slug of the agency that takes what no rule places
    minimum_confidence = 0.4        # 0..1; below it the desk decides
    [phone_prefixes]                # optional: the operator's own prefixes
    "+999 1" = "XN"
    [[agency]]
    slug = "northland-police"       # lower-case letters, digits, hyphens
    name = "Northland Police"
    kind = "police"                 # desk | police | international
    countries = ["XN"]              # each country belongs to one agency at most

Bounds: 1 MiB. Unknown keys are refused, so that a misspelt rule is not silently without effect.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tutela.hub.errors import RulesError
from tutela.hub.routing.phones import check_prefix

MAX_BYTES: Final = 1 << 20
KINDS: Final = frozenset({"desk", "police", "international"})
_SLUG: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?")
_COUNTRY: Final = re.compile(r"[A-Z]{2}")
_TOP: Final = frozenset({"version", "desk", "minimum_confidence", "phone_prefixes", "agency"})
_AGENCY: Final = frozenset({"slug", "name", "kind", "countries"})


@dataclass(frozen=True, slots=True)
class AgencyRule:
    """An agency and the countries whose reports it takes."""

    slug: str
    name: str
    kind: str
    countries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rules:
    """A rule table; `agency_of` maps each country to one agency's slug."""

    desk: str
    minimum_confidence: float
    agencies: tuple[AgencyRule, ...]
    agency_of: Mapping[str, str]
    phone_prefixes: Mapping[str, str]

    @classmethod
    def parse(cls, data: bytes) -> Rules:
        """Read a rule table.

        Raises:
            RulesError: it is too large, not TOML, or breaks a rule of the module's docstring.
        """
        if len(data) > MAX_BYTES:
            raise RulesError("The rule file is larger than 1 MiB.")
        try:
            table = tomllib.loads(data.decode("utf-8"))
        except (UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
            raise RulesError("The rule file is not valid TOML.", hint=_where(error)) from error
        return _rules(table)

    @classmethod
    def load(cls, path: Path) -> Rules:
        """Read a rule file.

        Raises:
            RulesError: it is absent or unusable.
        """
        try:
            data = path.read_bytes()
        except OSError as error:
            raise RulesError(
                f"The rule file {path.name} cannot be read.", hint="Run `tutela hub init`."
            ) from error
        return cls.parse(data)


def _where(error: Exception) -> str:
    return str(error) if isinstance(error, tomllib.TOMLDecodeError) else ""


def _rules(table: dict[str, Any]) -> Rules:
    _known(table, _TOP, "The rule file")
    if table.get("version") != 1:
        raise RulesError("The rule file's version must be 1.")
    rows = table.get("agency")
    if not isinstance(rows, list) or not rows:
        raise RulesError("The rule file names no agency.", hint="Add an [[agency]] table.")
    agencies = tuple(_agency(row) for row in rows)
    slugs = [agency.slug for agency in agencies]
    if len(set(slugs)) != len(slugs):
        raise RulesError("Two agencies of the rule file have the same slug.")
    desk = table.get("desk")
    if desk not in slugs:
        raise RulesError("The rule file's desk is not one of its agencies.")
    return Rules(
        desk=desk,
        minimum_confidence=_confidence(table.get("minimum_confidence", 0.4)),
        agencies=agencies,
        agency_of=_agency_of(agencies),
        phone_prefixes=_prefixes(table.get("phone_prefixes", {})),
    )


def _known(table: dict[str, Any], keys: frozenset[str], what: str) -> None:
    unknown = sorted(set(table) - keys)
    if unknown:
        raise RulesError(
            f"{what} has an unknown key: {unknown[0]!r}.", hint="Known: " + ", ".join(sorted(keys))
        )


def _agency(row: Any) -> AgencyRule:
    if not isinstance(row, dict):
        raise RulesError("An agency is not a table.", hint="Write [[agency]].")
    _known(row, _AGENCY, "An agency")
    slug, name, kind = row.get("slug"), row.get("name"), row.get("kind", "police")
    if not (isinstance(slug, str) and _SLUG.fullmatch(slug)):
        raise RulesError("An agency's slug is lower-case letters, digits and hyphens, 64 at most.")
    if not (isinstance(name, str) and 0 < len(name) <= 200):
        raise RulesError(f"The agency {slug} needs a name of 1 to 200 characters.")
    if not (isinstance(kind, str) and kind in KINDS):
        raise RulesError(f"The kind of the agency {slug} must be one of: " + ", ".join(sorted(KINDS)))
    countries = row.get("countries", [])
    if not isinstance(countries, list):
        raise RulesError(f"The countries of the agency {slug} must be a list.")
    return AgencyRule(slug, name, kind, tuple(_country(country) for country in countries))


def _country(value: Any) -> str:
    if not (isinstance(value, str) and _COUNTRY.fullmatch(value)):
        raise RulesError("A country is two capital letters (ISO 3166-1).")
    return value


def _confidence(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise RulesError("minimum_confidence must be a number from 0 to 1.")
    return float(value)


def _agency_of(agencies: tuple[AgencyRule, ...]) -> Mapping[str, str]:
    owner: dict[str, str] = {}
    for agency in agencies:
        for country in agency.countries:
            if country in owner:
                raise RulesError(f"The country {country} is given to two agencies.")
            owner[country] = agency.slug
    return MappingProxyType(owner)


def _prefixes(table: Any) -> Mapping[str, str]:
    if not isinstance(table, dict):
        raise RulesError("phone_prefixes must be a table of prefix and country.")
    return MappingProxyType({check_prefix(prefix): _country(country) for prefix, country in table.items()})
