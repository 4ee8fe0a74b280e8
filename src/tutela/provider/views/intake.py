"""What the homeserver's module posts. Refusals are typed JSON; 5xx says "try again".

While the law does not allow alerts (no legal basis, or the epoch is over), everything is taken and nothing is
looked at or kept: what was queued before must not hold up its account's uploads.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_POST

from tutela.console.models import MachineAccount
from tutela.console.permissions import machine
from tutela.errors import TutelaError
from tutela.provider import intake, requests, runtime
from tutela.provider.errors import IntakeError, MalformedRequest
from tutela.voucher.errors import VoucherMalformed, VoucherRefused
from tutela.voucher.wire import Enrolment

log = logging.getLogger("tutela.provider")


@machine("intake.write")
@require_POST
def devices(request: HttpRequest) -> JsonResponse:
    """Enrol a device: 201, or 200 if this enrolment is known."""

    def work() -> JsonResponse:
        account, device, enrolment = requests.read_enrolment(_body(request))
        if intake.names_no_table(enrolment):
            Enrolment.parse(enrolment)
            return _enrolled()
        now, actor = timezone.now(), _machine(request)
        answer = intake.enrol(runtime.alerts(now), account, enrolment, now, actor=actor, device=device)
        return _enrolled(201 if answer.created else 200)

    return _answered(work, _enrolled)


@machine("intake.write")
@require_POST
def vouchers(request: HttpRequest) -> JsonResponse:
    """Take a voucher: 202 whether it matched or not. `key: renew` asks for a new enrolment."""

    def work() -> JsonResponse:
        delivery = requests.read_delivery(_body(request))
        if intake.names_no_table(delivery.voucher):
            return _accepted()
        now = timezone.now()
        answer = intake.take(runtime.alerts(now), delivery, now)
        said: dict[str, str | bool] = {}
        if answer.renew:
            said["key"] = "renew"
        if not answer.created:
            said["repeated"] = True
        return _accepted(**said)

    return _answered(work, _accepted)


def _enrolled(status: int = 200) -> JsonResponse:
    return JsonResponse({"state": "enrolled"}, status=status)


def _accepted(**more: str | bool) -> JsonResponse:
    return JsonResponse({"state": "accepted", **more}, status=202)


def _answered(work: Callable[[], JsonResponse], discarded: Callable[[], JsonResponse]) -> JsonResponse:
    """Turn errors into answers: what is wrong with the message is final, technical trouble is ours: 503."""
    try:
        return work()
    except IntakeError as error:
        return JsonResponse(error.diagnostics(), status=error.status)
    except (VoucherMalformed, VoucherRefused) as error:
        return JsonResponse(error.diagnostics(), status=400)
    except TutelaError as error:
        if runtime.forbidden(error):
            log.warning("intake-discarded code=%s", error.code)
            return discarded()
        log.warning("intake-unavailable code=%s", error.code)
        return JsonResponse(error.diagnostics(), status=503, headers={"Retry-After": "60"})


def _body(request: HttpRequest) -> bytes:
    length = request.headers.get("Content-Length") or "0"
    if not length.isdigit() or int(length) > requests.MAX_BODY:
        raise MalformedRequest("The request is too large.")
    return request.body


def _machine(request: HttpRequest) -> MachineAccount:
    account = getattr(request, "machine", None)
    assert isinstance(account, MachineAccount)
    return account
