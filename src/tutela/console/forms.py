"""Forms in the look of the console: one renderer, one bound field, about eight templates.

Nothing is needed in a form class: `FORM_RENDERER` gives every field its label, hint, error and classes.
The base page shows the error summary of the context's `form` by itself. In a template:

    <form method="post" novalidate>{% csrf_token %}{{ form }}<button class="govuk-button">Save</button></form>
"""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.forms.boundfield import BoundField
from django.forms.renderers import TemplatesSetting
from django.forms.widgets import Input

_CLASSES: tuple[tuple[type[forms.Widget], str], ...] = (
    (forms.CheckboxSelectMultiple, "govuk-checkboxes__input"),  # before RadioSelect, its base class
    (forms.RadioSelect, "govuk-radios__input"),
    (forms.CheckboxInput, "govuk-checkboxes__input"),
    (forms.Select, "govuk-select"),
    (forms.Textarea, "govuk-textarea"),
    (forms.FileInput, "govuk-file-upload"),
    (forms.HiddenInput, ""),
    (Input, "govuk-input"),
)
_WITH_ERROR_CLASS = {"govuk-select", "govuk-textarea", "govuk-file-upload", "govuk-input"}


_CHOSEN = (forms.Select, forms.RadioSelect, forms.FileInput)
_REQUIRED = forms.Field.default_error_messages["required"]


class ConsoleBoundField(BoundField):
    """A field that knows which classes its widget wears and how its group is laid out."""

    def __init__(self, form: forms.BaseForm, field: forms.Field, name: str) -> None:
        super().__init__(form, field, name)
        if field.error_messages.get("required") == _REQUIRED:  # the form's own copy of the field
            field.error_messages["required"] = self._required_message()

    def build_widget_attrs(self, attrs: dict[str, Any], widget: forms.Widget | None = None) -> dict[str, Any]:
        """Add the component's class, and its error class while there is an error."""
        built = dict(super().build_widget_attrs(attrs, widget))
        base = component_class(widget or self.field.widget)
        error = f"{base}--error" if self.errors and base in _WITH_ERROR_CLASS else ""
        given = self.field.widget.attrs.get("class", "")
        built["class"] = " ".join(part for part in (base, error, given) if part)
        built.pop("required", None)  # the server's own messages are clearer than the browser's bubbles
        return built

    def _required_message(self) -> str:
        text = str(self.label)
        if self.layout == "checkbox":
            return f"Tick the box: {text}"
        verb = "Choose" if isinstance(self.field.widget, _CHOSEN) else "Enter"
        return f"{verb} {text if text[:2].isupper() else text[:1].lower() + text[1:]}"

    @property
    def layout(self) -> str:
        """Return `group` for sets of options (a fieldset), `checkbox` for one box, else `single`."""
        if isinstance(self.field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple):
            return "group"
        return "checkbox" if isinstance(self.field.widget, forms.CheckboxInput) else "single"

    @property
    def kind(self) -> str:
        """Return `radios` or `checkboxes` for sets of options."""
        return "checkboxes" if isinstance(self.field.widget, forms.CheckboxSelectMultiple) else "radios"

    @property
    def error_target(self) -> str:
        """Return the id that a link of the error summary leads to."""
        return f"{self.auto_id}_0" if self.layout == "group" else self.id_for_label or self.auto_id

    @property
    def label_text(self) -> str:
        """Return the label, marked when the field may be left empty."""
        text = str(self.label)
        optional = not self.field.required and self.layout != "checkbox"
        return f"{text} (optional)" if optional and "(optional)" not in text else text


def component_class(widget: forms.Widget) -> str:
    """Return the class that the component library gives to this kind of widget."""
    return next((name for kind, name in _CLASSES if isinstance(widget, kind)), "")


class ConsoleRenderer(TemplatesSetting):
    """Django's own renderer with the console's templates."""

    form_template_name = "console/forms/form.html"
    field_template_name = "console/forms/field.html"
    bound_field_class = ConsoleBoundField


class SignInForm(AuthenticationForm):
    """User name and password."""

    username = forms.CharField(
        label="User name",
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "spellcheck": "false", "class": "govuk-input--width-20"}
        ),
    )
    password = forms.CharField(
        label="Password",
        strip=False,
        widget=forms.PasswordInput(
            attrs={"autocomplete": "current-password", "class": "govuk-input--width-20"}
        ),
    )
    error_messages = {  # noqa: RUF012  (Django's name and kind)
        "invalid_login": "Check your user name and password",
        "inactive": "Check your user name and password",
    }


class PasswordForm(PasswordChangeForm):
    """Old password, and the new one twice."""
