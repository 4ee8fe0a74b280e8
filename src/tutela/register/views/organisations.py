"""Who takes part, under which rules, and who counts once."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tutela.console.permissions import requires
from tutela.hashlist.governance import Constitution
from tutela.register import book, picture, words
from tutela.register.views.common import when_ready


@requires("entry.read")
@require_GET
@when_ready
def organisations(request: HttpRequest) -> HttpResponse:
    """Show the constitution in force: organisations, alliances, rules."""
    found = book.of_this_server()
    with found.lock:
        constitution = found.history().constitution
    context = {
        "constitution": constitution,
        "rows": picture.rows(constitution),
        "picture": picture.of(constitution),
        "most": picture.most_endorsers(constitution),
        "rules": _rules(constitution),
    }
    return render(request, "register/organisations.html", context)


def _rules(said: Constitution) -> list[dict[str, str]]:
    floor = words.count(said.source_floor, "entry", "entries")
    return [
        {"key": "Constitution", "value": f"Number {said.number}, until {said.valid_until:%-d %B %Y}"},
        {"key": "A list is endorsed by", "value": f"{said.quorum} of {len(said.endorsers)} endorsers"},
        {
            "key": "The next constitution is signed by",
            "value": words.count(said.amendment_quorum, "endorser"),
        },
        {
            "key": "An entry needs",
            "value": f"{words.count(said.submitters, 'organisation')}, of {said.jurisdictions} jurisdictions "
            "that are not allied",
        },
        {
            "key": "One source may have",
            "value": f"{said.source_share} percent of the list, or {floor}",
        },
        {"key": "A dispute is answered within", "value": words.count(said.answer_days, "day")},
        {"key": "A statement arrives within", "value": words.count(said.delivery_hours, "hour")},
    ]
