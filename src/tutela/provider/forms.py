"""The few things that people write."""

from __future__ import annotations

from django import forms

from tutela.provider.models import Appeal, Decision


class DecisionForm(forms.Form):
    """A reviewer's verdict on the pictures of a case."""

    verdict = forms.ChoiceField(
        label="Do all pictures agree with what the list says of their entries?",
        choices=Decision.Verdict.choices,
        widget=forms.RadioSelect,
        error_messages={"required": "Choose whether the pictures agree"},
    )
    reason = forms.CharField(
        label="Reason",
        help_text="What you compared, in your own words. It is kept with the case; describe no content.",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        error_messages={"required": "Give the reason for your decision"},
    )


class StatementForm(forms.Form):
    """An account holder's appeal."""

    statement = forms.CharField(
        label="Why is the decision wrong?",
        help_text="A supervisor who took no part in the decision reads this.",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 8}),
        error_messages={"required": "Say why the decision is wrong"},
    )


class AppealForm(forms.Form):
    """A supervisor's decision on an appeal."""

    state = forms.ChoiceField(
        label="Decision",
        choices=[
            (Appeal.State.UPHELD, "Uphold: reverse the case, and tell everyone who received the report"),
            (Appeal.State.DECLINED, "Decline: the case stands"),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": "Choose a decision"},
    )
    answer = forms.CharField(
        label="Answer to the account holder",
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": "Write the answer"},
    )
