"""A console with one page that shows every component, for the browser tests."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import render
from django.template import engines
from django.urls import include, path

from tutela.console import audit, urls
from tutela.console.permissions import public, requires

handler403, handler404, handler500 = urls.handler403, urls.handler404, urls.handler500

PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" width="320" height="200"><rect width="320" height="200" fill="#2a7"/>
<circle cx="90" cy="90" r="60" fill="#fc3"/><path d="M0 200 160 60 320 200z" fill="#357"/></svg>"""
PAGE = """{% extends "console/base.html" %}{% block title %}Gallery{% endblock %}
{% block before_content %}<a class="govuk-back-link" href="/">Back</a>{% endblock %}
{% block content %}<h1 class="govuk-heading-l">Gallery</h1>
{% include "console/components/warning.html" with text="Think before you open a picture." %}
{% include "console/components/tag.html" with text="New" colour="blue" %}
{% include "console/components/tag.html" with text="Urgent" colour="red" %}
{% include "console/components/tag.html" with text="Closed" colour="grey" %}
{% include "console/components/summary_list.html" with rows=rows %}
{% include "console/components/empty.html" with text="No reports wait." hint="New ones appear here." %}
{% include "console/components/blurred_image.html" with src="/gallery/picture" alt="A pattern" name="Picture 1" log_url="/gallery/opened" %}
{% include "console/components/blurred_image.html" with src="/gallery/picture" alt="A pattern" name="Picture 2" log_url="/gallery/broken" %}
{% include "console/components/pagination.html" with page=page %}
<form method="post" novalidate>{% csrf_token %}{{ form }}<button class="govuk-button">Save</button></form>
<button type="button" class="govuk-button govuk-button--secondary" hx-get="/gallery/part" hx-target="#part">Load</button>
<div id="part" aria-live="polite"></div>
{% endblock %}"""


class Gallery(forms.Form):
    note = forms.CharField(label="Note", help_text="What you saw", widget=forms.Textarea(attrs={"rows": 3}))
    agency = forms.ChoiceField(label="Agency", choices=[("", "Choose"), ("a", "Agency A")])
    decision = forms.ChoiceField(
        label="Decision", choices=[("y", "Confirm"), ("n", "Reject")], widget=forms.RadioSelect
    )
    tags = forms.MultipleChoiceField(
        label="Tags",
        choices=[("x", "Extra"), ("z", "Zero")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    sure = forms.BooleanField(label="I looked twice", help_text="Both of you")


@requires("account.own")
def gallery(request):
    form = Gallery(request.POST or None)
    if form.is_valid():
        messages.success(request, "Saved.")
        form = Gallery()
    rows = [
        {"key": "Number", "value": 17, "action": {"href": "#", "label": "Change"}},
        {"key": "Agency", "value": None},
    ]
    page = Paginator(range(500), 10).page(int(request.GET.get("page", 3)))
    context = {"form": form, "rows": rows, "page": page}
    html = engines["django"].from_string(PAGE).render(context, request)
    return HttpResponse(html)


@requires("account.own")
def part(request):
    context = {"src": "/gallery/picture", "alt": "A pattern", "name": "Picture 3"}
    return render(request, "console/components/blurred_image.html", context)


@requires("account.own")
def opened(request):
    from django.db import transaction

    with transaction.atomic():
        audit.record(request, "picture.opened", "picture/1")
    return HttpResponse(status=204)


@requires("account.own")
def broken(request):
    return HttpResponse(status=409)


@public("test")
def picture(request):
    return HttpResponse(PICTURE, content_type="image/svg+xml")


urlpatterns = [
    path("gallery", gallery),
    path("gallery/part", part),
    path("gallery/opened", opened),
    path("gallery/broken", broken),
    path("gallery/picture", picture),
    path("", include((urls.console_patterns, "console"))),
]
