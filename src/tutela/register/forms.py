"""Forms of the register's pages."""

from __future__ import annotations

from typing import Any

from django import forms

from tutela.hashlist.governance import Constitution
from tutela.hashlist.governance.signing import MAX_CONSTITUTION


class SignedFileForm(forms.Form):
    """A signed file; who handed it in matters less than who signed it."""

    file = forms.FileField(
        label="Signed file",
        help_text="As <code>tutela register sign</code> wrote it.",
        error_messages={"required": "Choose the signed file", "empty": "The file is empty"},
    )

    def clean_file(self) -> bytes:
        """Return the file's bytes."""
        file = self.cleaned_data["file"]
        if file.size > MAX_CONSTITUTION:
            raise forms.ValidationError("The file is larger than any document of the register")
        data: bytes = file.read()
        return data


class DrawForm(forms.Form):
    """How long the list version that is drawn now shall be valid."""

    days = forms.IntegerField(label="Days of validity", min_value=1)

    def __init__(self, *args: Any, constitution: Constitution, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        most = constitution.list_days
        field = self.fields["days"]
        assert isinstance(field, forms.IntegerField)
        field.max_value = most
        field.validators.append(_at_most(most))
        field.initial = min(30, most)
        field.help_text = f"The constitution allows {most} at most."
        field.widget = forms.TextInput(attrs={"inputmode": "numeric", "class": "govuk-input--width-5"})


def _at_most(most: int) -> Any:
    from django.core.validators import MaxValueValidator

    return MaxValueValidator(most, f"Enter {most} days or fewer")


class OrganisationForm(forms.Form):
    """For which organisation a statement is to be signed."""

    organisation = forms.ChoiceField(label="Your organisation", widget=forms.Select)

    def __init__(self, *args: Any, constitution: Constitution, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organisation"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(name, constitution.directory[name].name) for name in constitution.endorsers]
