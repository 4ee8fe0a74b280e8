"""Small valid inputs to begin from; everything in them is invented or a generated pattern."""

from __future__ import annotations

import base64
import functools
import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pi_heif
from PIL import Image
from tests.fuzz import logs

from tutela.cybertip import documents
from tutela.cybertip.vocabulary import IncidentType
from tutela.hashlist import Entry, Provenance, legal_basis
from tutela.hashlist import governance as rules_of_lists
from tutela.hashlist.trust import Signer, Trust, TrustedKey
from tutela.sealed import keyfile, stream
from tutela.voucher.parameters import Parameters
from tutela.voucher.sealing import DeviceSecrets, chaff, enrol
from tutela.voucher.wire import FILLER, Attachment, Inner

ROOT = Path(__file__).parents[2]
SIGNER = Signer(b"\1" * 32)
TRUST = Trust((TrustedKey("Example Centre", SIGNER.public_key),))
ACCOUNT, DEVICE, TABLE_ID = "@ann:example.org", "PHONE", b"t" * 32
SECRETS = DeviceSecrets(b"a" * 15 + b"\0", b"i" * 32, b"r" * 32)
#: two masks and no probes: a voucher is quick to try
SMALL = Parameters(profile="everyday", masks=(tuple(range(40)), tuple(range(40, 80))), probes=0, threshold=2)
PRIVATE = b"p" * 32
PASSPHRASE = "correct horse"
BOUNDARY = b"seed"


def same(count: int) -> bytes:
    return bytes(count)


def drawn(count: int) -> bytes:
    return np.random.default_rng(1).bytes(count)


def enrolments() -> tuple[bytes, ...]:
    return (enrol(ACCOUNT, DEVICE, TABLE_ID, SECRETS), enrol("a", "b", TABLE_ID, SECRETS))


def vouchers() -> tuple[bytes, ...]:
    return (chaff(SMALL, ACCOUNT, DEVICE, TABLE_ID, SECRETS, 7, drawn),)


def inners() -> tuple[bytes, ...]:
    attachment = Attachment(b"k" * 32, b"v" * 16, b"h" * 32, "$event:example.org")
    return (Inner(FILLER, 0, b"s" * 32, bytes(32), ((), ()), attachment, b"small grey picture").to_bytes(),)


def _golden(*path: str) -> Any:
    return json.loads(ROOT.joinpath(*path).read_text())


@functools.cache
def manifest() -> dict[str, Any]:
    return dict(_golden("tests", "hashlist", "golden", "manifest.json"))


def manifests() -> tuple[bytes, ...]:
    return ((ROOT / "tests" / "hashlist" / "golden" / "manifest.json").read_bytes(),)


def statements() -> tuple[bytes, ...]:
    said = manifest()["signed"]
    return (json.dumps(said).encode(), json.dumps({**said, "counts": {}, "valid_until": "x"}).encode())


def _basis() -> legal_basis.LegalBasis:
    return legal_basis.LegalBasis(
        "XN",
        "Example Act, section 1",
        datetime(2026, 1, 1, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
        b"d" * 32,
    )


def legal_bases() -> tuple[bytes, ...]:
    return (json.dumps(_basis().to_statement()).encode(),)


def signed_legal_bases() -> tuple[bytes, ...]:
    return (legal_basis.make(_basis(), SIGNER),)


def parameters() -> tuple[bytes, ...]:
    return (json.dumps(SMALL.to_dict()).encode(), json.dumps(manifest()["signed"]["table"]).encode())


def _vectors() -> dict[str, Any]:
    return dict(_golden("vectors", "audit.json"))


def table_proofs() -> tuple[bytes, ...]:
    return (bytes.fromhex(_vectors()["table"]["proof"]),)


def lawful_sets() -> tuple[bytes, ...]:
    return (bytes.fromhex(_vectors()["lawful"]["set"]),)


def lawful_proofs() -> tuple[bytes, ...]:
    return (bytes.fromhex(_vectors()["lawful"]["proofs"]),)


def absence_proofs() -> tuple[bytes, ...]:
    return (bytes.fromhex(_vectors()["absence"]["proof"]),)


ABSENT = bytes.fromhex(_vectors()["absence"]["digest"])
ABSENCE_COMMITMENT = bytes.fromhex(_vectors()["absence"]["commitment"])


def trusts() -> tuple[bytes, ...]:
    complete = replace(TRUST, constitution=b"c" * 32, log_policy=logs.policy_seeds()[0].decode())
    return (json.dumps(complete.to_dict()).encode(), json.dumps(TRUST.to_dict()).encode())


def entry() -> Entry:
    provenance = Provenance("Example Centre", datetime(2026, 1, 1, tzinfo=UTC), "file 17", "exact")
    return Entry(
        id="one", scale="tutela-demo", category="A", pdq=b"\x5a" * 32, sha256=b"\2" * 32, md5=b"\3" * 16,
        quality=90, provenance=provenance,
    )  # fmt: skip


def plain_lists() -> tuple[bytes, ...]:
    return (
        f"# list\npdq {'5a' * 32}\nsha256 {'ab' * 32}\r\nmd5 {'cd' * 16}\n".encode(),
        b"\xef\xbb\xbfpdq x",
    )


def csv_lists() -> tuple[bytes, ...]:
    fields = entry().to_dict()
    return ("\n".join((",".join(fields), ",".join(str(value) for value in fields.values()), "")).encode(),)


def jsonl_lists() -> tuple[bytes, ...]:
    header = {"entries": 1, "format": "tutela-list", "salt": "aa" * 32, "version": 1}
    return ("\n".join(map(json.dumps, (header, entry().to_dict()))).encode() + b"\n",)


def pictures() -> tuple[bytes, ...]:
    ramp = np.add.outer(np.arange(24, dtype=np.uint8) * 9, np.arange(24, dtype=np.uint8)).astype(np.uint8)
    grey, colour = Image.fromarray(ramp), Image.fromarray(np.stack([ramp, ramp.T, ramp], axis=-1))
    made = [
        _saved(grey, "PNG"), _saved(colour, "JPEG"), _saved(colour, "JPEG", progressive=True),
        _saved(colour, "WEBP"), _saved(grey, "GIF"), _saved(colour, "AVIF"),
    ]  # fmt: skip
    turned = Image.Exif()
    turned[0x0112] = 6
    made.append(_saved(colour, "JPEG", exif=turned.tobytes()))
    made.append(_saved(grey, "GIF", save_all=True, append_images=[Image.fromarray(ramp.T)]))
    heic = ROOT / "tests" / "fingerprint" / "data"
    made += [path.read_bytes() for path in sorted(heic.glob("*.hei*")) if path.stat().st_size < 20_000]
    return tuple(made)


def _saved(image: Image.Image, kind: str, **options: Any) -> bytes:
    pi_heif.register_heif_opener()
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def reports() -> tuple[bytes, ...]:
    person = documents.Person(first_name="Ann", phone=(documents.Phone(value="+999 1 555"),))
    event = documents.IpCaptureEvent(ip_address="192.0.2.7", date_time=datetime(2026, 1, 1, tzinfo=UTC))
    said = documents.Report(
        incident_summary=documents.IncidentSummary(
            incident_type=next(iter(IncidentType)), incident_date_time=datetime(2026, 1, 1, tzinfo=UTC)
        ),
        reporter=documents.Reporter(reporting_person=person),
        person_or_user_reported=(documents.PersonOrUserReported(person=person, ip_capture_event=(event,)),),
        additional_info="Example.",
    )
    return (documents.to_xml(said),)


def file_details() -> tuple[bytes, ...]:
    said = documents.FileDetails(
        report_id=17, file_id="a1", original_file_name="a.jpg", file_viewed_by_esp=False
    )
    return (documents.to_xml(said),)


def responses() -> tuple[bytes, ...]:
    done = documents.ReportDoneResponse(
        response_code=0, report_id=17, files=documents.FileIds(file_id=("a",))
    )
    short = documents.ReportResponse(response_code=0, response_description="Success", report_id=17)
    return (documents.to_xml(short), documents.to_xml(done))


def forms() -> tuple[bytes, ...]:
    head = b'Content-Disposition: form-data; name="'
    parts = (
        head + b'id"\r\n\r\n17',
        head + b'file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8',
    )
    whole = (
        b"".join(b"--" + BOUNDARY + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + BOUNDARY + b"--\r\n"
    )
    return (whole, whole.replace(b'name="id"', b"name*=utf-8''id"))


def content_types() -> tuple[bytes, ...]:
    return (
        b"multipart/form-data; boundary=seed",
        b"multipart/form-data; boundary*=utf-8''se%65d; charset=utf-8",
    )


def sealed_streams() -> tuple[bytes, ...]:
    made = []
    for size in (0, 5, stream.CHUNK_BYTES + 1):
        out = io.BytesIO()
        stream.seal_stream(io.BytesIO(bytes(size)), out, stream.public_key(PRIVATE))
        made.append(out.getvalue())
    return tuple(made)


def key_files() -> tuple[bytes, ...]:
    return (keyfile.seal(b"secret", PASSPHRASE, cost=12, random=same),)


def receipts() -> tuple[bytes, ...]:
    item = {"kind": "voucher", "ct_sha256": "ab" * 32, "state": "delivered", "code": "", "message": ""}
    reason = {"code": "voucher.deadline", "message": "m", "hint": "h"}
    said = {"uploads": "refused", "reason": reason, "items": [item], "counts": {}, "refusals": []}
    return (json.dumps(said).encode(),)


def rules() -> tuple[bytes, ...]:
    table = (
        b'version = 1\ndesk = "a"\nminimum_confidence = 0.5\n[[agency]]\nslug = "a"\nname = "A"\n'
        b'countries = ["XN"]\n[phone_prefixes]\n"+9991" = "XN"\n'
    )
    return (table,)


def ranges() -> tuple[bytes, ...]:
    return (b"# ranges\n192.0.2.0/25,XN\n198.51.100.0,198.51.100.255,XS\n2001:db8::/32,XN\n",)


def intakes() -> tuple[bytes, ...]:
    sealed = base64.b64encode(enrolments()[1]).decode()
    origin = {"ip": "192.0.2.7", "port": 40112, "sent_at": "2026-02-01T12:00:00.000Z"}
    said = (
        {"account": ACCOUNT, "device": "b", "enrolment": sealed},
        {"account": ACCOUNT, "voucher": "AAAA", **origin},
    )
    return tuple(json.dumps(each).encode() for each in said)


def provider_configs() -> tuple[bytes, ...]:
    texts = (
        "jurisdiction", "organisation", "contact_email", "epoch", "hash_list", "table_key", "trust", "hub",
        "hub_user",
    )  # fmt: skip
    config = {
        "version": 1,
        "renew_hours": 24,
        "homeserver": "https://example.org",
        **dict.fromkeys(texts, "x"),
    }
    source = dict.fromkeys(("epoch", "hash_list", "table_key", "trust", "passphrase_file"), "x")
    return tuple(json.dumps({**config, "earlier": earlier}).encode() for earlier in ([], [source]))


def provider_answers() -> tuple[bytes, ...]:
    refusal = {"code": "provider.key_due", "message": "m", "hint": "h"}
    return (json.dumps({"state": "accepted", "key": "renew"}).encode(), json.dumps(refusal).encode())


BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
MEMBERS = {name: Signer(bytes([place]) * 32) for place, name in enumerate(("east", "north", "south"), 1)}


@functools.cache
def constitution() -> rules_of_lists.Constitution:
    roles = ("adjudicator", "endorser", "submitter")
    people = tuple(
        rules_of_lists.Organisation(
            name,
            name,
            f"X{name[0].upper()}",
            roles,
            (rules_of_lists.Key(signer.public_key, BEGIN, END),),
        )
        for name, signer in MEMBERS.items()
    )
    return rules_of_lists.Constitution(
        number=1,
        previous=bytes(32),
        valid_from=BEGIN,
        valid_until=END,
        endorsers=tuple(MEMBERS),
        organisations=people,
    )


def constitutions() -> tuple[bytes, ...]:
    return (rules_of_lists.sign_constitution(constitution(), list(MEMBERS.values())),)


@functools.cache
def published() -> rules_of_lists.ListVersion:
    """A history of one entry, disputed and kept, and its list version."""
    history = rules_of_lists.History.begin(constitutions()[0], constitution().digest, BEGIN)
    entry = {"at": BEGIN, "commitment": b"c" * 32}
    said: list[rules_of_lists.Statement] = [
        rules_of_lists.Submission(organisation=name, **entry, classification="tutela-demo:A")
        for name in ("east", "north")
    ]
    said.append(rules_of_lists.Dispute(**entry, ground="lawful-content", opener=SIGNER.public_key))
    about = {**entry, "dispute": said[-1].digest}
    said += [
        rules_of_lists.Answer(organisation="east", **about, outcome="stands"),
        rules_of_lists.Decision(organisation="south", **about, outcome="keep"),
        rules_of_lists.Expiry(organisation="east", **entry, ends=END),
    ]
    for each in said:
        _append(history, each)
    drawn = datetime(2026, 1, 2, tzinfo=UTC)
    for name in MEMBERS:
        _append(history, _endorsement(history, name, drawn))
    return rules_of_lists.publish(history, rules_of_lists.state_at(history, history.constitution, drawn))


def _append(history: rules_of_lists.History, said: rules_of_lists.Statement) -> None:
    history.append(rules_of_lists.sign(said, MEMBERS.get(said.organisation, SIGNER)), said.at)


def _endorsement(history: rules_of_lists.History, name: str, drawn: datetime) -> rules_of_lists.Endorsement:
    return rules_of_lists.Endorsement(
        organisation=name,
        at=drawn,
        number=1,
        root=history.draw(constitution(), 7, drawn).root,
        size=7,
        drawn=drawn,
        valid_from=drawn,
        valid_until=datetime(2026, 3, 1, tzinfo=UTC),
        constitution=constitution().digest,
    )


def histories() -> tuple[bytes, ...]:
    return (published().files["history.jsonl"],)


def governance_statements() -> tuple[bytes, ...]:
    lines = histories()[0].splitlines()[1:]
    return tuple(json.dumps(json.loads(line)["document"]).encode() for line in lines)


def governance_unsigned() -> tuple[bytes, ...]:
    return tuple(json.dumps(json.loads(line)["signed"]).encode() for line in governance_statements())


def endorsement_files() -> tuple[bytes, ...]:
    return (published().endorsements.to_bytes(),)


def commitment_files() -> tuple[bytes, ...]:
    return (published().files["commitments.txt"] + b"d" * 64 + b"\n",)
