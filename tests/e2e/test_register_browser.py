"""A register in a real browser: a curator, endorsers who sign with the command line, and a proof that holds.

The server, its worker, the witness and the keys are real. With SCREENSHOTS=folder it keeps a picture of every page.
"""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect
from tests.register.conftest import THREE, commitment, dispute, submission, witness_signer
from tests.register.real_register import RealRegister, until

from browser import assert_accessible, sign_in, watch

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
PASSWORD = "correct horse battery staple"
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)


@pytest.fixture(scope="module")
def register(chromium, tmp_path_factory):
    """A running register in which submissions wait; it is built in a thread without the browser's event loop."""
    del chromium

    def build() -> RealRegister:
        made = RealRegister(tmp_path_factory.mktemp("register"))
        for name in ("curator", "endorser", "administrator"):
            made.call(
                "user",
                "add",
                f"{name}-kim",
                "--role",
                name,
                "--console",
                "register",
                "--password-stdin",
                stdin=PASSWORD + "\n",
            )
        made.start()
        at = datetime.now(UTC).replace(microsecond=0)
        for file in (
            submission(1, "east-hotline", at), submission(1, "north-hotline", at),
            submission(2, "east-hotline", at), submission(2, "north-police", at, source="police-votes", evidence=b"\1" * 32),
            submission(3, "north-hotline", at), submission(3, "south-centre", at),
            submission(4, "east-hotline", at, source="own-removal-request"),
            dispute(2, at),
        ):  # fmt: skip
            assert made.send(file).status_code == 201
        return made

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(build).result()
        yield running
        thread.submit(running.close).result()


@pytest.fixture
def window(chromium, register):
    """Return a maker of private windows; at the end nothing may stand in their consoles."""
    opened = []

    def make(name: str, **options):
        context = chromium.new_context(
            viewport={"width": 1200, "height": 800}, reduced_motion="reduce", **options
        )
        page = context.new_page()
        page.complaints = []
        watch(page)
        opened.append((context, page))
        sign_in(page, register.url, name, PASSWORD)
        return page

    yield make
    for context, page in opened:
        context.close()
        assert not page.complaints, page.complaints


def check(page, name: str) -> None:
    """Judge a page; keep a picture of it where testers ask for one."""
    assert_accessible(page)
    served = page.context.request.get(page.url)
    assert not INLINE.search(served.text()), INLINE.search(served.text())
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"register-{name}.png", full_page=True)


def published(register: RealRegister) -> int:
    return int(httpx.get(f"{register.url}/log/checkpoint").text.split("\n")[1])


def sign_on_another_machine(register: RealRegister, path: Path, name: str) -> Path:
    """Sign as an endorser does: with the command, a key file, and no register in sight."""
    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(
            register.call, "register", "sign", str(path), "--key", str(register.key_file(name)), on_data=False
        ).result()
    assert done["signed"]["type"] == "tutela-endorsement"
    return Path(done["out"])


def test_from_a_waiting_submission_to_a_live_version(register, window, tmp_path):
    curator = window("curator-kim")
    expect(curator.get_by_role("heading", name="Entries", level=1)).to_be_visible()
    expect(curator.get_by_role("link", name="Waiting (4)")).to_be_visible()
    expect(curator.get_by_text("allied with each other and count once", exact=False)).to_be_visible()
    expect(curator.get_by_role("img")).to_have_count(0)
    check(curator, "entries-waiting")
    curator.get_by_role("link", name=commitment(2).hex()[:12]).click()
    expect(curator.get_by_role("heading", name="Who answers for it")).to_be_visible()
    expect(curator.get_by_text("Votes of police forces").first).to_be_visible()
    check(curator, "entry")
    curator.get_by_role("link", name="List version").click()
    expect(curator.get_by_text("No list version is in force.")).to_be_visible()
    check(curator, "version-none")
    curator.get_by_label("Days of validity").fill("1000")
    curator.get_by_role("button", name="Draw").click()
    expect(curator.get_by_text("There is a problem")).to_be_visible()
    check(curator, "draw-error")
    curator.get_by_label("Days of validity").fill("30")
    curator.get_by_role("button", name="Draw").click()
    expect(curator.get_by_text("List version 1 is drawn.", exact=False)).to_be_visible()
    check(curator, "version-drawn-curator")

    endorser = window("endorser-kim", accept_downloads=True)
    endorser.get_by_role("link", name="List version").click()
    expect(endorser.get_by_text("Added: 2 entries")).to_be_visible()
    check(endorser, "version-to-sign")
    for name in THREE:
        endorser.get_by_label("Your organisation").select_option(name)
        with endorser.expect_download() as download:
            endorser.get_by_role("button", name="Download the statement to sign").click()
        path = tmp_path / download.value.suggested_filename
        download.value.save_as(path)
        assert json.loads(path.read_text())["organisation"] == name
        if name == THREE[0]:  # without a signature it is refused, in words
            endorser.get_by_label("Signed file").set_input_files(path)
            endorser.get_by_role("button", name="Hand in").click()
            expect(endorser.get_by_role("alert")).to_contain_text("not a well-formed document")
            check(endorser, "hand-in-refused")
            endorser.get_by_role("link", name="List version").click()
        endorser.get_by_label("Signed file").set_input_files(sign_on_another_machine(register, path, name))
        endorser.get_by_role("button", name="Hand in").click()
        expect(endorser.get_by_text("and logged.", exact=False)).to_be_visible()
        if name == THREE[1]:
            check(endorser, "version-partly-signed")
    expect(endorser.get_by_text("2, of which 2 live now")).to_be_visible()
    check(endorser, "version-live")
    curator.goto(f"{register.url}/entries?state=live")
    expect(curator.get_by_role("link", name="Live (2)")).to_be_visible()
    check(curator, "entries-live")


def test_the_page_verifies_a_proof_and_refuses_a_changed_one(register, window):
    until(lambda: published(register) >= 9, "the checkpoint")
    page = window("administrator-kim")
    page.get_by_role("link", name="Log", exact=True).click()
    expect(page.get_by_role("heading", name="Transparency log")).to_be_visible()
    expect(page.get_by_role("rowheader", name="safety")).to_be_visible()
    check(page, "log")
    page.get_by_role("link", name="2 (leaf)", exact=True).click()
    result, steps = page.locator("[data-proof-result]"), page.locator("[data-proof-steps]")
    expect(result).to_contain_text("Verified")
    for words in (
        "gives the checkpoint's root",
        "signed this checkpoint",
        "The witness safety saw this tree at",
        "quorum",
    ):
        expect(steps).to_contain_text(words)
    check(page, "leaf-verified")
    page.get_by_text("What is checked").click()
    check(page, "leaf-open")
    for field, old, new, words in (
        ("Leaf", '"position":2', '"position":3', "The leaf or the proof was changed"),
        ("Proof with its checkpoint", "index 2", "index 3", "The leaf or the proof was changed"),
        (
            "Proof with its checkpoint",
            "\u2014 register.example.org/log ",
            "\u2014 register.example.org/other ",
            "no signature of the log's key",
        ),
        (
            "Policy: the log and the witnesses to believe",
            "quorum safety",
            "quorum nobody",
            "quorum is not defined",
        ),
    ):
        box = page.get_by_label(field, exact=False)
        kept = box.input_value()
        assert old in kept
        box.fill(kept.replace(old, new, 1))
        page.get_by_role("button", name="Check again").click()
        expect(result).to_contain_text("Refused")
        expect(steps.locator(".tutela-error")).to_contain_text(words)
        if field == "Leaf":
            check(page, "leaf-refused")
        box.fill(kept)
        page.get_by_role("button", name="Check again").click()
        expect(result).to_contain_text("Verified")


TAMPER = """async ([leaf, proof, policy, now]) => {
  const { check } = await import("/static/register/verify-proof.js");
  const found = await check(leaf, proof, policy, now);
  return [found.verified, found.steps.at(-1).text];
}"""


def test_every_single_changed_character_of_a_proof_is_refused(register, window):
    """The script agrees with the program's own verifier on each change."""
    from tutela.errors import TutelaError
    from tutela.tlog import Policy, verify_offline

    until(lambda: published(register) >= 9, "the checkpoint")
    page = window("administrator-kim")
    page.goto(f"{register.url}/leaves/4")
    leaf, proof, policy = (page.locator(f"#{name}").input_value() for name in ("leaf", "proof", "policy"))
    now = datetime.now(UTC)
    assert page.evaluate(TAMPER, [leaf, proof, policy, now.timestamp()])[0]
    places = [(each, at) for each, text in enumerate((leaf, proof)) for at in range(0, len(text), 3)]
    accepted = []
    for each, at in places:
        texts = [leaf, proof]
        old = texts[each][at]
        texts[each] = texts[each][:at] + ("A" if old != "A" else "B") + texts[each][at + 1 :]
        found, said = page.evaluate(TAMPER, [*texts, policy, now.timestamp()])
        try:
            verify_offline(texts[1].encode(), texts[0].encode(), Policy.parse(policy.encode()), now)
            judged = True
        except TutelaError:
            judged = False
        assert found is judged, (each, at, said)
        accepted += [(each, at)] if found else []
    assert len(accepted) <= 2, accepted
    late = page.evaluate(TAMPER, [leaf, proof, policy, now.timestamp() + 90_000])
    assert late == [False, late[1]]
    assert "24 hours" in late[1]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("group both all safety liberties\nquorum both", "the policy asks for more"),
        ("group one any safety liberties\nquorum one", "the quorum that the policy asks for"),
        ("group one 1 safety\ngroup all all one liberties\nquorum all", "the policy asks for more"),
        ("# a remark\n\nquorum\tsafety", "the quorum that the policy asks for"),
        ("quorum none", "asks for no witness"),
        ("quorum both", "quorum is not defined"),
        ("group both 3 safety liberties\nquorum both", "asks for more members than it has"),
        ("witness safety x y\nquorum none", "defines a name twice"),
        ("", "does not say how many witnesses"),
    ],
)
def test_the_script_reads_policies_as_the_program_does(register, window, lines, said):
    from tutela.errors import TutelaError
    from tutela.tlog import Policy, verify_offline

    until(lambda: published(register) >= 9, "the checkpoint")
    page = window("administrator-kim")
    page.goto(f"{register.url}/leaves/4")
    leaf, proof, policy = (page.locator(f"#{name}").input_value() for name in ("leaf", "proof", "policy"))
    now = datetime.now(UTC)
    other = f"witness liberties {witness_signer('liberties').key}\n{lines}"
    text = policy.replace("quorum safety", other)
    found, last = page.evaluate(TAMPER, [leaf, proof, text, now.timestamp()])
    try:
        verify_offline(proof.encode(), leaf.encode(), Policy.parse(text.encode()), now)
        judged = True
    except TutelaError:
        judged = False
    assert (found, said in last) == (judged, True), last


def test_a_browser_without_ed25519_verifies_nothing(register, window):
    page = window("administrator-kim")
    page.add_init_script(
        "crypto.subtle.importKey = async () => { throw new DOMException('no', 'NotSupportedError'); };"
    )
    page.goto(f"{register.url}/leaves/4")
    expect(page.locator("[data-proof-result]")).to_contain_text("Refused")
    expect(page.locator("[data-proof-steps] .tutela-error")).to_contain_text("cannot check Ed25519")


def test_the_other_pages(register, window, chromium):
    page = window("administrator-kim")
    for path, heading in (
        ("/disputes", "Disputes"),
        ("/organisations", "Organisations"),
        ("/hand-in", "Hand in a signed file"),
        ("/leaves", "Transparency log"),
        ("/entries?state=withdrawn", "Entries"),
    ):
        page.goto(register.url + path)
        expect(page.get_by_role("heading", name=heading, level=1)).to_be_visible()
        check(page, path.strip("/").replace("?", "-"))
    page.set_viewport_size({"width": 390, "height": 800})
    for path in (
        "/entries",
        f"/entries/{commitment(2).hex()}",
        "/version",
        "/disputes",
        "/organisations",
        "/leaves",
        "/leaves/2",
    ):
        page.goto(register.url + path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        check(page, f"narrow-{path.strip('/').replace('/', '-')[:20]}")
