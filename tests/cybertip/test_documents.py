from __future__ import annotations

import contextlib
import dataclasses
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from tests.cybertip.samples import file_details, plain_report, plain_xml, reports, responses, texts

from tutela.cybertip import documents as d
from tutela.cybertip.errors import DocumentError, MalformedXml, NotWritable, RuleBroken, SchemaInvalid
from tutela.cybertip.vocabulary import FileRelevance, IndustryClassification

quick = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


@quick
@given(reports)
def test_reports_survive_the_wire(report):
    assert d.parse_report(d.to_xml(report)) == report


@quick
@given(file_details)
def test_file_details_survive_the_wire(details):
    assert d.parse_file_details(d.to_xml(details)) == details


@quick
@given(responses)
def test_answers_survive_the_wire(response):
    read = d.parse_response(d.to_xml(response))
    if isinstance(response, d.ReportResponse):
        blank = {name: getattr(response, name) or None for name in ("file_id", "hash")}
        response = dataclasses.replace(response, **blank)
    assert read == response


def test_the_bytes_of_a_small_report_are_pinned():
    report = d.Report(
        incident_summary=plain_report().incident_summary,
        internet_details=(d.ChatImIncident(chat_client="Example", content="one < two & three"),),
        reporter=d.Reporter(
            reporting_person=d.Person(first_name="Robin"), legal_url="https://example.org/law"
        ),
        person_or_user_reported=(
            d.PersonOrUserReported(
                person=d.Person(phone=(d.Phone(value="5550100", country_calling_code="+44", verified=True),)),
                prior_ct_reports=(7, 8),
            ),
        ),
    )
    assert d.to_xml(report).decode() == (
        "<?xml version='1.0' encoding='UTF-8'?>\n"
        "<report><incidentSummary><incidentType>Misleading Domain Name</incidentType>"
        "<platform>Example Chat</platform><incidentDateTime>2026-11-01T12:00:00Z</incidentDateTime>"
        "</incidentSummary><internetDetails><chatImIncident><chatClient>Example</chatClient>"
        "<content>one &lt; two &amp; three</content></chatImIncident></internetDetails>"
        "<reporter><reportingPerson><firstName>Robin</firstName></reportingPerson>"
        "<legalURL>https://example.org/law</legalURL></reporter>"
        "<personOrUserReported><personOrUserReportedPerson>"
        '<phone verified="true" countryCallingCode="+44">5550100</phone></personOrUserReportedPerson>'
        "<priorCTReports>7</priorCTReports><priorCTReports>8</priorCTReports></personOrUserReported></report>"
    )


WRAPPINGS = {
    "plain declaration": lambda x: x.replace(b" encoding='UTF-8'", b""),
    "no declaration": lambda x: x.split(b"\n", 1)[1],
    "byte order mark": lambda x: b"\xef\xbb\xbf" + x,
    "location hint": lambda x: x.replace(
        b"<report>",
        b'<report xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:noNamespaceSchemaLocation="https://schema.example.org/nowhere.xsd">',
    ),
    "empty annotations": lambda x: x.replace(
        b"<incidentDateTime>", b"<reportAnnotations/><incidentDateTime>"
    ),
    "comments and instructions": lambda x: x.replace(
        b"<report>", b"<!-- <!DOCTYPE a> --><?a b?>\n<report><!-- c -->"
    ),
    "white space": lambda x: x.replace(b"><", b">\n  <"),
    "doctype inside CDATA": lambda x: x.replace(b"Example Chat", b"<![CDATA[<!DOCTYPE html>]]>"),
    "ascii": lambda x: x.replace(b"UTF-8", b"us-ascii"),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_what_real_clients_write_is_read(name):
    report = d.parse_report(WRAPPINGS[name](plain_xml()))
    assert report.reporter == plain_report().reporter
    assert report.warnings == ()


HOSTILE = {
    "doctype": (lambda x: x.replace(b"<report>", b"<!DOCTYPE report><report>"), MalformedXml),
    "doctype after a comment": (
        lambda x: x.replace(b"<report>", b"<!-- a --><!doctype report><report>"),
        MalformedXml,
    ),
    "entities": (
        lambda x: b"<!DOCTYPE r [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;&a;'>]><report>&b;</report>",
        MalformedXml,
    ),
    "outside entity": (
        lambda x: b"<!DOCTYPE r [<!ENTITY a SYSTEM 'file:///etc/hostname'>]><report>&a;</report>",
        MalformedXml,
    ),
    "unknown entity": (lambda x: x.replace(b"Example Chat", b"&chat;"), MalformedXml),
    "utf-16": (lambda x: x.decode().replace("UTF-8", "UTF-16").encode("utf-16"), MalformedXml),
    "utf-7 declared": (lambda x: x.replace(b"UTF-8", b"UTF-7"), MalformedXml),
    "not utf-8": (lambda x: x.replace(b"Chat", b"\xff\xfe"), MalformedXml),
    "truncated": (lambda x: x[:-9], MalformedXml),
    "empty": (lambda x: b"", MalformedXml),
    "unclosed comment": (lambda x: b"<!-- ", MalformedXml),
    "second root": (lambda x: x + b"<report/>", MalformedXml),
    "deep": (lambda x: b"<report>" * 200 + b"</report>" * 200, DocumentError),
    "very deep": (lambda x: b"<a>" * 100_000, DocumentError),
    "wide": (lambda x: b"<report>" + b"<a/>" * 100_001 + b"</report>", DocumentError),
    "many attributes": (
        lambda x: b"<report " + b" ".join(b"a%d='1'" % i for i in range(1000)) + b"/>",
        DocumentError,
    ),
    "endless prolog": (lambda x: b"<?a?><!-- b -->" * 100_000 + x.split(b"\n", 1)[1], DocumentError),
    "large": (lambda x: x + b" " * (16 << 20), DocumentError),
    "xsi:type": (
        lambda x: x.replace(
            b"<reporter>", b'<reporter xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:type="a">'
        ),
        SchemaInvalid,
    ),
    "xsi:nil": (
        lambda x: x.replace(
            b"<reporter>", b'<reporter xmlns:x="http://www.w3.org/2001/XMLSchema-instance" x:nil="1">'
        ),
        SchemaInvalid,
    ),
    "namespace": (
        lambda x: x.replace(b"<report>", b"<report xmlns='https://example.org/ns'>"),
        SchemaInvalid,
    ),
    "other root": (
        lambda x: b"<fileDetails><reportId>1</reportId><fileId>a</fileId></fileDetails>",
        SchemaInvalid,
    ),
    "unknown element": (lambda x: x.replace(b"</reporter>", b"<shoe/></reporter>"), SchemaInvalid),
    "year 12026": (lambda x: x.replace(b"2026-11", b"12026-11"), RuleBroken),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_documents_are_refused_with_their_code(name):
    make, kind = HOSTILE[name]
    with pytest.raises(kind) as caught:
        d.parse_report(make(plain_xml()))
    expected = {MalformedXml: 4110, SchemaInvalid: 4100, RuleBroken: 4100}.get(type(caught.value), 4000)
    assert caught.value.response == expected


def test_supplemental_files_carry_no_classification():
    base = d.FileDetails(report_id=1, file_id="a" * 32, file_relevance=FileRelevance.SUPPLEMENTAL)
    d.to_xml(base)
    for change in (
        {"industry_classification": IndustryClassification.A1},
        {"potential_meme": False},
        {"file_annotations": d.FileAnnotations(potential_meme=True)},
    ):
        with pytest.raises(RuleBroken):
            d.to_xml(dataclasses.replace(base, **change))
    reported = dataclasses.replace(base, file_relevance=FileRelevance.REPORTED, potential_meme=True)
    with pytest.raises(RuleBroken):
        d.parse_file_details(d.to_xml(reported).replace(b">Reported", b">Supplemental Reported"))


def test_viewed_by_provider_has_three_states():
    for state in (True, False, None):
        details = d.FileDetails(report_id=1, file_id="a" * 32, file_viewed_by_esp=state)
        assert d.parse_file_details(d.to_xml(details)).file_viewed_by_esp is state


def test_long_texts_are_not_written_but_are_read_with_a_warning():
    summary = dataclasses.replace(plain_report().incident_summary, platform="p" * 257)
    with pytest.raises(NotWritable, match="platform"):
        plain_xml(incident_summary=summary)
    report = d.parse_report(plain_xml().replace(b"Example Chat", b"p" * 257))
    assert report.warnings == ("platform is longer than 256 characters",)


@pytest.mark.parametrize("text", ["\0", "a\x08", "\ud800", "\ufffe"])
def test_characters_that_xml_cannot_carry_are_not_written(text):
    with pytest.raises(NotWritable):
        plain_xml(additional_info=text)


def test_values_outside_the_schema_are_not_written():
    address = d.Address(country="ZZ")
    reporter = d.Reporter(reporting_person=d.Person(address=(address,)))
    with pytest.raises(SchemaInvalid):
        plain_xml(reporter=reporter)
    with pytest.raises(SchemaInvalid):
        d.to_xml(d.FileDetails(report_id=2**63, file_id="a"))
    with pytest.raises(SchemaInvalid):
        d.to_xml(d.FileDetails(report_id=1, file_id="a", details=(d.Details(name_value_pair=()),)))


def test_a_time_without_a_zone_stays_so_and_is_warned_of():
    report = d.parse_report(plain_xml().replace(b"12:00:00Z", b"12:00:00"))
    assert report.incident_summary.incident_date_time == datetime(2026, 11, 1, 12)  # noqa: DTZ001
    assert report.warnings == ("incidentDateTime has no time zone",)


def test_midnight_may_be_written_as_the_end_of_a_day():
    report = d.parse_report(plain_xml().replace(b"T12:00:00Z", b"T24:00:00.000000000Z"))
    assert report.incident_summary.incident_date_time == datetime(2026, 11, 2, tzinfo=UTC)


def test_newer_parts_are_kept_and_warned_of():
    person = d.Person(first_name="Robin", age_assertion_discrepancy=True)
    summary = dataclasses.replace(
        plain_report().incident_summary, report_annotations=d.ReportAnnotations(informational=True, spam=True)
    )
    report = plain_report(reporter=d.Reporter(reporting_person=person), incident_summary=summary)
    read = d.parse_report(d.to_xml(report))
    assert read == report
    assert read.warnings == (
        "ageAssertionDiscrepancy is newer than the schema",
        "informational is newer than the schema",
    )


def test_attributes_in_newer_places_are_read():
    data = plain_xml().replace(
        b"</personOrUserReported>",
        b"<associatedAccount accountType='Linked' thirdPartyUser='true'><platform>Example</platform>"
        b"</associatedAccount></personOrUserReported>",
    )
    (account,) = d.parse_report(data).person_or_user_reported[0].associated_account
    assert account.type == "Linked"
    assert account.platform == d.Platform(value="Example", third_party_user=True)
    pair = b"<nameValuePair type='EXIF'><name>a</name><value>b</value></nameValuePair>"
    data = b"<fileDetails><reportId>1</reportId><fileId>a</fileId><details>%s</details></fileDetails>"
    read = d.parse_file_details(data % (pair * 2))
    assert read.details[0].type == "EXIF"
    assert len(read.warnings) == 1
    with pytest.raises(SchemaInvalid):
        d.parse_file_details(data % (pair + pair.replace(b"EXIF", b"HASH")))


def test_answers_are_read_leniently():
    body = b"<reportResponse><new/><hash> ab </hash><responseCode> 5102 </responseCode></reportResponse>"
    assert d.parse_response(body) == d.ReportResponse(response_code=5102, response_description="", hash="ab")
    assert (
        d.parse_response(b"<reportDoneResponse><responseCode>0</responseCode></reportDoneResponse>").file_ids
        == ()
    )


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html/>",
        b"<reportResponse/>",
        b"<reportResponse><responseCode>no</responseCode></reportResponse>",
        b"x" * (2 << 20),
    ],
)
def test_what_is_no_answer_is_refused(body):
    with pytest.raises(DocumentError):
        d.parse_response(body)


@quick
@given(texts)
def test_canonical_form_does_not_depend_on_the_writing(text):
    data = plain_xml(additional_info="x" + text)
    spread = data.replace(b"><", b">\n<").replace(b"<report>", b"<!-- a --><report>")
    assert d.canonical(data) == d.canonical(spread)
    assert d.canonical(data) != d.canonical(plain_xml(additional_info="y" + text))


parsers = st.sampled_from([d.parse_report, d.parse_file_details, d.parse_response, d.canonical])
pieces = st.sampled_from(
    [
        b"<",
        b">",
        b"</",
        b"/>",
        b"report",
        b"<report>",
        b"</report>",
        b"<!DOCTYPE",
        b"<!--",
        b"-->",
        b"<?xml ",
        b"?>",
        b"&lt;",
        b"&#0;",
        b"&a;",
        b"<![CDATA[",
        b"]]>",
        b" ",
        b"'",
        b'"',
        b"=",
        b"xmlns",
        b":",
        b"\xff",
        b"\0",
        b"incidentSummary",
        b"<fileDetails>",
        b"<reportId>",
        b"<reportResponse><responseCode>",
        b"9" * 50,
        b"\xc2\xa0",
    ]
)


@settings(max_examples=300, deadline=None)
@given(parsers, st.lists(pieces, max_size=12).map(b"".join) | st.binary(max_size=60))
@example(
    d.parse_response, b"<reportResponse><responseCode>" + b"9" * 5000 + b"</responseCode></reportResponse>"
)
def test_reading_raises_our_errors_only(parse, data):
    with contextlib.suppress(DocumentError):
        parse(data)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(reports, file_details), st.data())
def test_damaged_documents_raise_our_errors_only(document, data):
    body = bytearray(d.to_xml(document))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(pieces | st.binary(max_size=3))
    for parse in (d.parse_report, d.parse_file_details, d.parse_response, d.canonical):
        with contextlib.suppress(DocumentError):
            parse(bytes(body))
