"""Forms wear the component library's markup without any help from the form class."""

from __future__ import annotations

import pytest
from django import forms
from django.core.paginator import Paginator
from django.template.loader import render_to_string


class Everything(forms.Form):
    note = forms.CharField(label="Note", help_text="What you saw")
    text = forms.CharField(label="Text", widget=forms.Textarea, required=False)
    pick = forms.ChoiceField(label="Pick", choices=[("a", "A"), ("b", "B")])
    one = forms.ChoiceField(label="One", choices=[("a", "A"), ("b", "B")], widget=forms.RadioSelect)
    many = forms.MultipleChoiceField(label="Many", choices=[("a", "A")], widget=forms.CheckboxSelectMultiple)
    sure = forms.BooleanField(label="I am sure", help_text="Read it twice")
    file = forms.FileField(label="File", required=False)
    secret = forms.CharField(widget=forms.HiddenInput, initial="s")


def test_fields_have_labels_hints_and_classes():
    html = str(Everything())
    for part in (
        'class="govuk-input"',
        'class="govuk-textarea"',
        'class="govuk-select"',
        'class="govuk-radios__input"',
        'class="govuk-checkboxes__input"',
        'class="govuk-file-upload"',
        '<label class="govuk-label" for="id_note">Note</label>',
        "Text (optional)",
        'id="id_note_helptext"',
        'aria-describedby="id_note_helptext"',
        '<legend class="govuk-fieldset__legend govuk-fieldset__legend--m">One</legend>',
        'for="id_one_0"',
        '<input type="hidden" name="secret"',
    ):
        assert part in html, part
    assert "error" not in html
    assert "I am sure (optional)" not in html
    assert " required" not in html


def test_errors_stand_at_the_field_and_in_the_summary():
    form = Everything({"note": "", "one": ""})
    form.add_error(None, "The whole does not fit")
    html = str(form)
    assert 'class="govuk-input govuk-input--error"' in html
    assert 'aria-invalid="true"' in html
    assert 'aria-describedby="id_note_helptext id_note_error"' in html
    assert 'id="id_note_error"' in html
    summary = render_to_string("console/components/error_summary.html", {"form": form})
    assert 'href="#id_note"' in summary
    assert 'href="#id_one_0"' in summary
    for sentence in ("Enter note", "Choose pick", "Choose one", "Tick the box: I am sure"):
        assert sentence in summary
    assert "This field is required" not in summary
    assert "The whole does not fit" in summary


def test_values_are_escaped():
    form = Everything({"note": '"><script>alert(1)</script>'})
    assert "<script>" not in str(form)
    html = render_to_string("console/components/blurred_image.html", {"src": '"><b>', "alt": "<i>"})
    assert "<b>" not in html
    assert "<i>" not in html


@pytest.mark.parametrize(
    ("name", "context", "expected"),
    [
        ("tag", {"text": "New", "colour": "blue"}, 'class="govuk-tag govuk-tag--blue">New'),
        ("warning", {"text": "Think"}, "Warning: </span>Think"),
        ("empty", {"text": "Nothing", "hint": "Wait"}, "Nothing"),
        ("summary_list", {"rows": [{"key": "K", "value": 0}, {"key": "L", "value": None}]}, "Not given"),
    ],
)
def test_components(name, context, expected):
    assert expected in render_to_string(f"console/components/{name}.html", context)


def test_pagination_keeps_other_parameters(rf):
    page = Paginator(range(100), 10).page(2)
    html = render_to_string("console/components/pagination.html", {"page": page}, rf.get("/?q=x&page=2"))
    assert 'href="?q=x&amp;page=3"' in html
    assert 'aria-current="page"' in html
    single = Paginator(range(3), 10).page(1)
    assert not render_to_string("console/components/pagination.html", {"page": single}, rf.get("/")).strip()
