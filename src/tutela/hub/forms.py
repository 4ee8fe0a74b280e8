"""Forms of the report pages."""

from __future__ import annotations

from typing import Any

from django import forms

from tutela.hub.actions import GROUNDS
from tutela.hub.models import Agency


def _reason(label: str, hint: str, *, required: bool = True) -> forms.CharField:
    return forms.CharField(
        label=label,
        help_text=hint,
        required=required,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": f"Enter a {label.lower()}"},
    )


class ReferForm(forms.Form):
    """To whom, and why; a reason may only be left out where the rules' proposal is followed."""

    agency = forms.ModelChoiceField(
        label="Agency",
        queryset=Agency.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose an agency"},
    )
    reason = _reason(
        "Reason", "Needed if you do not follow the proposal. It stays in the history.", required=False
    )

    def __init__(self, *args: Any, proposed: Agency | None, again: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._needs_none = None if again else proposed
        agencies = Agency.objects.filter(active=True)
        if again and proposed is not None:
            agencies = agencies.exclude(pk=proposed.pk)
        field = self.fields["agency"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = agencies
        if not again:
            self.initial.setdefault("agency", proposed)

    def clean(self) -> dict[str, Any]:
        """Ask for a reason unless the proposal is followed."""
        cleaned = super().clean() or {}
        agency = cleaned.get("agency")
        if agency is not None and agency != self._needs_none and not cleaned.get("reason"):
            self.add_error("reason", "Enter a reason, because this is not what the rules proposed")
        return cleaned


class ReasonForm(forms.Form):
    """Why a report is closed or reopened."""

    reason = _reason("Reason", "It stays in the history.")


class NoteForm(forms.Form):
    """A note for the history."""

    text = _reason("Note", "Others at the centre can read it.")


class AllowForm(forms.Form):
    """The legal ground for opening a file that the provider did not view."""

    basis = forms.ChoiceField(
        label="Legal ground",
        choices=list(GROUNDS.items()),
        widget=forms.RadioSelect,
        error_messages={"required": "Choose the legal ground"},
    )
    reason = forms.CharField(
        label="Reference",
        help_text="Such as the number of the order. It stays in the history.",
        max_length=500,
        error_messages={"required": "Enter a reference"},
    )
