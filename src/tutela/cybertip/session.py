"""Brings one report across exactly once, through crashes at any point.

The state is written before and after each call whose repetition would not be harmless. After a crash
`/retract` is the oracle for a stored report id: if it works, or the report has expired, nothing was
delivered and the session begins again with a new report; if the answer is "already finished", it is done.

| stored step | what may have happened | what is done |
|---|---|---|
| new | nothing | submit |
| submitting | a report may be open whose id is not known | submit: an unfinished one expires |
| open, finishing | anything up to the finished report | ask by retracting |
| finished | it is delivered | nothing |

What this does NOT protect: two processes that run the same session at once; the caller holds a lock. If a
receiving system forgets a finished report and answers 5001, the report is delivered again: of the two
faults, a double report is the smaller one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum
from typing import IO, Any, Protocol

from tutela.cybertip.client import Finished, Uploaded
from tutela.cybertip.documents import FileDetails, Report
from tutela.cybertip.remote import AlreadyFinished, NoSuchReport
from tutela.errors import InputError

LARGEST_ID = 2**63 - 1


class InvalidState(InputError):
    """A stored session cannot be read."""

    code = "cybertip.invalid-state"


class Step(StrEnum):
    """How far a session has come, as it is stored."""

    NEW = "new"
    SUBMITTING = "submitting"
    OPEN = "open"
    FINISHING = "finishing"
    FINISHED = "finished"


class Outcome(Enum):
    """What the oracle said about a stored report."""

    RETRACTED = "retracted"
    EXPIRED = "expired"
    FINISHED = "finished"


class Do(Enum):
    """What comes next."""

    SUBMIT = "submit"
    UPLOAD = "upload"
    DESCRIBE = "describe"
    FINISH = "finish"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionState:
    """What is stored of a session; plain values.

    Attributes:
        key: random text that tells this report from every other; sent as the idempotency key.
        attempt: 1 for the first report opened, one more for each new beginning.
        step: how far it has come.
        report_id: the open or finished report.
        file_ids: ids of the files uploaded so far, in the order of the plan.
        described: for how many of these the details were sent.
    """

    key: str
    attempt: int = 1
    step: Step = Step.NEW
    report_id: int | None = None
    file_ids: tuple[str, ...] = ()
    described: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the state as JSON values."""
        return dataclasses.asdict(self) | {"step": self.step.value, "file_ids": list(self.file_ids)}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> SessionState:
        """Read what `to_dict` made.

        Raises:
            InvalidState: it is something else, or holds together badly.
        """
        try:
            values = dict(stored)
            state = cls(**values | {"step": Step(values["step"]), "file_ids": tuple(values["file_ids"])})
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidState("a stored report session cannot be read") from error
        _check(state)
        return state


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """One file of a report.

    Attributes:
        name: the name to upload it under.
        open: opens its bytes, anew for each attempt.
        details: what to say about it; its report and file ids are filled in.
    """

    name: str
    open: Callable[[], IO[bytes]]
    details: FileDetails | None = None


class Sender(Protocol):
    """The calls of `Client` that a session makes."""

    def submit(self, report: Report | bytes, *, idempotency_key: str = "") -> int:
        """Open a report."""

    def upload(self, report_id: int, name: str, stream: IO[bytes]) -> Uploaded:
        """Add a file."""

    def fileinfo(self, details: FileDetails) -> None:
        """Describe a file."""

    def finish(self, report_id: int) -> Finished:
        """Close a report."""

    def retract(self, report_id: int) -> None:
        """Withdraw a report."""


def next_step(state: SessionState, files: int) -> Do:
    """Return what comes next for a state whose report is known to stand as stored. Pure."""
    if state.step is Step.FINISHED:
        return Do.NOTHING
    if state.report_id is None:
        return Do.SUBMIT
    if state.described < len(state.file_ids):
        return Do.DESCRIBE
    return Do.UPLOAD if len(state.file_ids) < files else Do.FINISH


def must_ask(state: SessionState) -> bool:
    """Whether a state that was just loaded leaves open what became of its report. Pure."""
    return state.step in {Step.OPEN, Step.FINISHING}


def after_asking(state: SessionState, outcome: Outcome) -> SessionState:
    """Return the state after the oracle's answer: done, or a new beginning. Pure."""
    if outcome is Outcome.FINISHED:
        return dataclasses.replace(state, step=Step.FINISHED)
    return SessionState(key=state.key, attempt=state.attempt + 1)


class ReportSession:
    """Carries a report through.

    Args:
        client: sends.
        report: the document of `/submit`.
        files: its files, in order.
        state: a fresh `SessionState(key=...)`, or the one stored last.
        save: stores a state durably before it returns.
    """

    def __init__(
        self,
        client: Sender,
        report: Report,
        files: Sequence[PlannedFile],
        state: SessionState,
        save: Callable[[SessionState], None],
    ) -> None:
        self._client = client
        self._report = report
        self._files = tuple(files)
        self._save = save
        self.state = state

    def run(self) -> SessionState:
        """Go on until the report is finished. After any error, run again, here or in another process.

        Returns:
            The last state, with the report's id and its files' ids.

        Raises:
            CybertipError: the other side refused or stayed away; the stored state says where it stands.
        """
        if must_ask(self.state):
            self._keep(after_asking(self.state, self._ask()))
        calls = {
            Do.SUBMIT: self._submit,
            Do.UPLOAD: self._upload,
            Do.DESCRIBE: self._describe,
            Do.FINISH: self._finish,
        }
        while (do := next_step(self.state, len(self._files))) is not Do.NOTHING:
            calls[do]()
        return self.state

    def abandon(self) -> SessionState:
        """Withdraw a report that is not finished, and begin anew next time.

        Returns:
            The state: finished, if it was too late.
        """
        if must_ask(self.state):
            self._keep(after_asking(self.state, self._ask()))
        return self.state

    def _keep(self, state: SessionState) -> None:
        self._save(state)
        self.state = state

    def _ask(self) -> Outcome:
        try:
            self._client.retract(self._open_id())
        except AlreadyFinished:
            return Outcome.FINISHED
        except NoSuchReport:
            return Outcome.EXPIRED
        return Outcome.RETRACTED

    def _submit(self) -> None:
        self._keep(dataclasses.replace(self.state, step=Step.SUBMITTING))
        key = f"{self.state.key}-{self.state.attempt}"
        report_id = self._client.submit(self._report, idempotency_key=key)
        self._keep(dataclasses.replace(self.state, step=Step.OPEN, report_id=report_id))

    def _upload(self) -> None:
        file = self._files[len(self.state.file_ids)]
        with file.open() as stream:
            uploaded = self._client.upload(self._open_id(), file.name, stream)
        self._keep(dataclasses.replace(self.state, file_ids=(*self.state.file_ids, uploaded.file_id)))

    def _describe(self) -> None:
        place = self.state.described
        details = self._files[place].details
        if details is not None:
            report_id, file_id = self._open_id(), self.state.file_ids[place]
            self._client.fileinfo(dataclasses.replace(details, report_id=report_id, file_id=file_id))
        self._keep(dataclasses.replace(self.state, described=place + 1))

    def _finish(self) -> None:
        self._keep(dataclasses.replace(self.state, step=Step.FINISHING))
        self._client.finish(self._open_id())
        self._keep(dataclasses.replace(self.state, step=Step.FINISHED))

    def _open_id(self) -> int:
        if self.state.report_id is None:
            raise InvalidState("a session without a report has come too far")
        return self.state.report_id


def _check(state: SessionState) -> None:
    numbers = (state.attempt, state.described)
    sound = (
        isinstance(state.key, str)
        and bool(state.key)
        and all(type(number) is int and number >= 0 for number in numbers)
        and all(isinstance(file_id, str) for file_id in state.file_ids)
        and state.described <= len(state.file_ids)
    )
    begun = state.step not in {Step.NEW, Step.SUBMITTING}
    known = type(state.report_id) is int and 0 < state.report_id <= LARGEST_ID
    if not sound or (begun and not known) or (not begun and state.report_id is not None):
        raise InvalidState("a stored report session holds together badly")
