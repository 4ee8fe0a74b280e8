"""What the pages share: a register that is not set up says so instead of failing."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Concatenate, ParamSpec

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render

from tutela.errors import TutelaError

P = ParamSpec("P")
Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
log = logging.getLogger("tutela.register")


def when_ready(view: Page[P]) -> Page[P]:
    """Answer 503 with the reason while the register, its history, its log or the log's key cannot be used."""

    @functools.wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        try:
            return view(request, *args, **kwargs)
        except TutelaError as error:
            log.error("register-unusable code=%s", error.code)  # noqa: TRY400  (a known state)
            return render(request, "register/not_ready.html", {"problem": error}, status=503)

    return guarded
