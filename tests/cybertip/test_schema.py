from __future__ import annotations

import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from tests.cybertip.samples import file_details, papers, plain_xml, public_path, reports

from tutela.cybertip import schema, vocabulary
from tutela.cybertip.documents import to_xml
from tutela.cybertip.errors import DocumentError, SchemaInvalid

quick = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def public():
    return etree.XMLSchema(etree.parse(public_path()))


def ours(data: bytes) -> bool:
    try:
        schema.validate(data, strict=True)
    except SchemaInvalid:
        return False
    return True


@quick
@given(papers)
def test_every_document_that_we_write_is_valid_by_both(public, document):
    data = to_xml(document)
    assert ours(data)
    public.assertValid(etree.fromstring(data))


def swap(draw, element, _):
    parent = element.getparent()
    if parent is not None and (after := element.getnext()) is not None and after.tag != element.tag:
        parent.insert(parent.index(element), after)


def remove(draw, element, _):
    if element.getparent() is not None:
        element.getparent().remove(element)


def repeat(draw, element, _):
    if element.getparent() is not None:
        element.addnext(copy.deepcopy(element))


def rename(draw, element, _):
    element.tag = draw(st.sampled_from(["unknown", "additionalInfo", "Person", "content", "email"]))


def retext(draw, element, _):
    element.text = draw(
        st.sampled_from(
            [
                "",
                " ",
                "nonsense",
                "true",
                "1",
                "2026-02-30T00:00:00Z",
                "99999999999999999999",
                "-1",
                "ZZ",
                "A3",
                "12a",
            ]
        )
    )


def reattribute(draw, element, _):
    name = draw(st.sampled_from([*element.attrib, "unknown", "type", "verified"]))
    value = draw(st.sampled_from(["nonsense", "true", "Home", "+12345", "12a", "EXIF", "2026-01-01"]))
    element.set(name, value)


def unattribute(draw, element, _):
    for name in element.attrib:
        del element.attrib[name]


def graft(draw, element, others):
    element.append(copy.deepcopy(draw(st.sampled_from(others))))


MUTATIONS = [swap, remove, repeat, rename, retext, reattribute, unattribute, graft]


@quick
@given(
    st.data(), st.one_of(reports, file_details), st.lists(st.sampled_from(MUTATIONS), min_size=1, max_size=2)
)
def test_mutated_documents_are_judged_alike(public, data, document, mutations):
    root = etree.fromstring(to_xml(document))
    for mutate in mutations:
        elements = list(root.iter())
        mutate(data.draw, data.draw(st.sampled_from(elements)), [e for e in elements if len(e) < 3])
    bytes_ = etree.tostring(root)
    assert ours(bytes_) == (public.validate(etree.fromstring(bytes_)) and root.tag in schema.ROOTS)


def swapped(data: bytes) -> bytes:
    root = etree.fromstring(data)
    root.insert(0, root.find("reporter"))
    return b"<?xml version='1.0'?>\n" + etree.tostring(root)


BAD = {
    "order swapped": swapped,
    "missing required": lambda x: x.replace(
        b"<incidentDateTime>2026-11-01T12:00:00Z</incidentDateTime>", b""
    ),
    "bad enumeration": lambda x: x.replace(b"Misleading Domain Name", b"Misleading Name"),
    "bad date": lambda x: x.replace(b"2026-11-01T12:00:00Z", b"1 November 2026"),
    "unknown element": lambda x: x.replace(b"<platform>", b"<planet/><platform>"),
    "text between elements": lambda x: x.replace(b"<reporter>", b"<reporter>hello"),
    "calling code too long": lambda x: x.replace(
        b"<firstName>Robin</firstName><lastName>Example</lastName>",
        b"<phone countryCallingCode='+12345'>5550100</phone>",
    ),
    "port too long": lambda x: x.replace(b"<port>40000", b"<port>40000000000"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_documents_are_refused_by_both_with_a_line(public, name):
    data = BAD[name](plain_xml())
    assert data != plain_xml()
    assert not public.validate(etree.fromstring(data))
    with pytest.raises(SchemaInvalid) as caught:
        schema.validate(data)
    assert caught.value.line == 2
    assert caught.value.response == 4100
    assert "Misleading Name" not in str(caught.value)
    assert "November" not in str(caught.value)


def _words(root, name):
    found = root.find(f"{{*}}simpleType[@name='{name}']")
    return {word.get("value") for word in found.iter("{*}enumeration")}


PAIRS = [
    ("IncidentType", "incidentType"),
    ("EventName", "ipCaptureType"),
    ("AddressType", "addressType"),
    ("EmailType", "emailType"),
    ("PhoneType", "phoneType"),
    ("AssociatedAccountType", "associatedAccountType"),
    ("BatchReason", "batchedReportReason"),
    ("FileRelevance", "fileRelevance"),
    ("IndustryClassification", "fileClassification"),
    ("MetadataType", "metadataTypes"),
    ("CountryCode", "country"),
    ("StateCode", "state"),
]


@pytest.mark.parametrize(("own", "theirs"), PAIRS)
def test_fixed_words_are_the_same_in_code_and_both_schemas(own, theirs):
    own_words = _words(etree.fromstring(schema.text()), own)
    if hasattr(vocabulary, own):
        assert {word.value for word in getattr(vocabulary, own)} == own_words
    theirs_root = etree.parse(public_path()).getroot()
    assert _words(theirs_root, theirs) == own_words


def test_the_schema_as_given_out_stands_alone():
    text = schema.text()
    assert b"include" not in text.replace(b"includes", b"")
    etree.XMLSchema(etree.fromstring(text))
    assert len(schema.country_codes()) == 257
    assert len(schema.state_codes()) == 54


def test_additions_are_taken_with_a_warning_by_name_and_refused_strictly():
    data = (
        plain_xml()
        .replace(
            b"<incidentDateTime>",
            b"<reportAnnotations><informational/></reportAnnotations><incidentDateTime>",
        )
        .replace(
            b"</reportingPerson>",
            b"<ageAssertionDiscrepancy>true</ageAssertionDiscrepancy></reportingPerson>",
        )
        .replace(
            b"</personOrUserReported>",
            b"<associatedAccount accountType='Linked' thirdPartyUser='true'><platform>Example</platform></associatedAccount></personOrUserReported>",
        )
    )
    warnings = schema.validate(data)
    assert len(warnings) == 4
    assert any("informational" in warning for warning in warnings)
    with pytest.raises(SchemaInvalid):
        schema.validate(data, strict=True)


@pytest.mark.parametrize(
    "piece",
    [
        b"<ageAssertionDiscrepancy>maybe</ageAssertionDiscrepancy>",
        b"<ageAssertionDiscrepancy a='b'>true</ageAssertionDiscrepancy>",
        b"<ageAssertionDiscrepancy><b/></ageAssertionDiscrepancy>",
        b"<ageAssertionDiscrepancy>true</ageAssertionDiscrepancy><ageAssertionDiscrepancy>true</ageAssertionDiscrepancy>",
        b"<ageAssertionDiscrepancy>true</ageAssertionDiscrepancy>text",
        b"<informational/>",
        b"<newThing/>",
    ],
)
def test_additions_are_taken_only_where_and_as_named(piece):
    with pytest.raises(SchemaInvalid):
        schema.validate(plain_xml().replace(b"</reportingPerson>", piece + b"</reportingPerson>"))


@given(st.binary(max_size=300))
def test_validating_raises_our_errors_only(data):
    with pytest.raises(DocumentError):
        schema.validate(data)
