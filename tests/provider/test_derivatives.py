"""What a device sealed as a derivative is drawn anew by a process without secrets, or not shown."""

from __future__ import annotations

import io
import signal
from collections.abc import Callable
from dataclasses import replace

import pytest
from PIL import Image
from provider_world import pattern

from tutela.fingerprint import derivative, fingerprint
from tutela.provider import derivatives, judging
from tutela.provider.derivatives import MAX_FROM_VOUCHER, redraw
from tutela.voucher.opening import Revealed
from tutela.voucher.wire import Attachment

ATTACHMENT = Attachment(bytes(32), bytes(16), bytes(32), "$event")


def revealed(slot: int, data: bytes, *, of: bytes = b"") -> Revealed:
    """Return an opened picture whose derivative is `data`, with the hash of the picture `of`."""
    pdq = fingerprint(of).pdq if of else bytes(32)
    return Revealed(slot, pdq, 100, data, ATTACHMENT)


def drawn(
    form: str, size: tuple[int, int] = (40, 30), colour: tuple[int, ...] = (250, 20, 20), **more
) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, form, **more)
    return stream.getvalue()


def test_an_honest_derivative_is_near_its_picture() -> None:
    picture = pattern(1)
    sealed = derivative(picture)
    (found,) = redraw([revealed(5, sealed, of=picture)]).items()
    assert found[0] == 5
    assert found[1].distance <= MAX_FROM_VOUCHER
    assert Image.open(io.BytesIO(found[1].webp)).format == "WEBP"


def test_another_picture_is_far_from_the_hash_that_matched() -> None:
    other = redraw([revealed(0, derivative(pattern(2)), of=pattern(1))])
    assert other[0].distance > MAX_FROM_VOUCHER


def test_only_grey_pixels_pass() -> None:
    marker = b"a note of the device"
    sealed = drawn("JPEG", comment=marker)
    assert marker in sealed
    webp = redraw([revealed(0, sealed)])[0].webp
    assert marker not in webp
    red, green, blue = Image.open(io.BytesIO(webp)).convert("RGB").getpixel((20, 15))
    assert max(red, green, blue) - min(red, green, blue) <= 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        drawn("PNG"),
        drawn("GIF"),
        drawn("WEBP", size=(161, 20)),
        drawn("JPEG", size=(20, 161)),
        drawn("WEBP")[:-20],
        b"RIFF\x20\x00\x00\x00WEBPVP8 " + bytes(40),
    ],
    ids=["empty", "svg", "png", "gif", "wide", "tall", "cut", "damaged"],
)
def test_what_is_no_derivative_is_not_shown_and_the_others_are(data: bytes) -> None:
    good = derivative(pattern(1))
    found = redraw([revealed(0, good), revealed(1, data), revealed(2, good)])
    assert set(found) == {0, 2}


def spoilt(
    child: Callable[..., bytes | None], answer: Callable[[], bytes | None]
) -> Callable[..., bytes | None]:
    """Return a child that `answer`s for itself when its input has the picture b"bad"."""

    def spoil(data: bytes, *mode: str) -> bytes | None:
        return answer() if b'"YmFk"' in data else child(data, *mode)

    return spoil


@pytest.mark.parametrize(
    "answer",
    [None, b"", b"[]", b"[" * 100_000, b'[{"webp": "AA==", "pdq": ""}]', b'[{"webp": 5}]', b"[7]", b"{}"],
)
def test_a_picture_that_ends_the_process_takes_no_other_with_it(monkeypatch, answer) -> None:
    good = derivative(pattern(1))
    monkeypatch.setattr(derivatives, "child", spoilt(judging.child, lambda: answer))
    found = redraw([revealed(slot, b"bad" if slot == 2 else good) for slot in range(5)])
    assert set(found) == {0, 1, 3, 4}


def test_a_process_that_a_signal_ended_says_nothing(monkeypatch) -> None:
    from subprocess import CompletedProcess

    ended = CompletedProcess([], -signal.SIGSEGV, b"half", b"")
    monkeypatch.setattr(judging.subprocess, "run", lambda *_, **__: ended)
    assert judging.child(b"[]", "derivatives") is None


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["none", "another", "honest"])
def test_the_page_says_what_the_derivative_is_worth(service, signed_in, monkeypatch, kind) -> None:
    import provider_world

    chosen = {"none": drawn("PNG"), "another": derivative(pattern(2)), "honest": None}[kind]
    honest = provider_world.describe

    def lying(picture):
        described = honest(picture)
        return replace(described, derivative=chosen) if chosen and described else described

    monkeypatch.setattr(provider_world, "describe", lying)
    case = service.case()
    image = case.images.first()
    ada = signed_in("reviewer", name="cleo")
    page = ada.get(f"/cases/{case.reference}").content.decode()
    answer = ada.get(f"/cases/{case.reference}/pictures/{image.pk}")
    assert answer.status_code == (404 if kind == "none" else 200)
    assert ("There is no derivative" in page) == (kind == "none")
    assert ("it may show another picture" in page) == (kind == "another")
    assert (f"/pictures/{image.pk}" in page) == (kind != "none")
    if kind == "another":
        assert answer.content != chosen


@pytest.mark.django_db
def test_a_derivative_from_before_is_not_shown(service, signed_in) -> None:
    """It is sealed as its device made it."""
    case = service.case()
    case.images.update(derivative_distance=None)
    route = f"/cases/{case.reference}/pictures/{case.images.first().pk}"
    assert signed_in("reviewer", name="cleo").get(route).status_code == 404


@pytest.mark.django_db
def test_nothing_is_decoded_that_nobody_will_see(service, monkeypatch, person) -> None:
    from tutela.provider import evaluation

    asked: list[list[int]] = []

    def noting(pictures):
        asked.append([picture.slot for picture in pictures])
        return redraw(pictures)

    monkeypatch.setattr(evaluation, "redraw", noting)
    device = service.device()
    service.enrol(device)
    for index in range(4):
        service.take(device, device.send(service.world.pictures[index]))
        service.work()
    assert asked == [[0, 1, 2], [3]]


@pytest.mark.django_db
def test_a_child_that_cannot_work_leaves_the_device_due(service, monkeypatch) -> None:
    from tutela.provider import evaluation
    from tutela.provider.models import Case

    def fails(pictures):
        raise judging.JudgeFailed("no process")

    with monkeypatch.context() as patch:
        patch.setattr(evaluation, "redraw", fails)
        device = service.device()
        service.enrol(device)
        for index in range(3):
            service.take(device, device.send(service.world.pictures[index]))
        service.work()
        assert not Case.objects.exists()
    service.work()
    assert Case.objects.get().images.count() == 3
