"""People at the consoles, taking the same steps through the same pages as a person with a browser."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Self

import httpx
from lxml import html

from tutela.errors import RemoteError


class PageProblem(RemoteError):
    """A page was not what a person would need there."""

    code = "demo.page"


class Visitor:
    """One person's session at one console."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, follow_redirects=True, timeout=30)

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Leave."""
        self._client.close()

    def sign_in(self, name: str, password: str) -> None:
        """Fill in the sign-in page."""
        self.fill("/sign-in", {"username": name, "password": password})
        if self._client.get("/account").url.path != "/account":
            raise PageProblem(f"{name} could not sign in.")

    def page(self, path: str) -> html.HtmlElement:
        """Open a page."""
        answer = self._client.get(path)
        if answer.status_code != httpx.codes.OK:
            raise PageProblem(f"{path} answered {answer.status_code}.")
        return html.fromstring(answer.content, base_url=str(answer.url))

    def links(self, path: str, prefix: str) -> list[str]:
        """Return the addresses on a page that begin with `prefix`."""
        found = (str(address) for address in self.page(path).xpath("//main//a/@href"))
        return sorted({address for address in found if address.startswith(prefix)})

    def fill(self, path: str, values: Mapping[str, str]) -> None:
        """Fill in the form of a page that has all these fields, and send it."""
        page = self.page(path)
        for form in page.forms:
            if set(values) <= set(form.fields.keys()):
                for name, value in values.items():
                    form.fields[name] = value
                data = dict(form.form_values())
                address = httpx.URL(str(page.base_url)).join(form.action or "")
                answer = self._client.post(address, data=data, headers={"Referer": str(page.base_url)})
                if answer.status_code != httpx.codes.OK:
                    raise PageProblem(f"The form of {path} answered {answer.status_code}.")
                return
        raise PageProblem(f"{path} has no form with {', '.join(values)}.")
