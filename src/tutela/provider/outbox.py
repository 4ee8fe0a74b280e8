"""Sends what is queued for the centre, exactly once, through any crash.

    compose    the document is fixed and sealed before the first call
    carry      `tutela.cybertip.session` stores itself before and after each call that matters
    settle     job, case and audit row in one transaction

A withdrawal or an upheld appeal that comes first takes an unfinished report back; one that comes too late
finds a finished report, and a reversal follows it.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import IO, Final

from django.db import transaction

from tutela.console import audit
from tutela.cybertip import documents
from tutela.cybertip.client import Client, Finished, Uploaded
from tutela.cybertip.documents import FileDetails, Report
from tutela.cybertip.remote import CybertipError, RequestRefused
from tutela.cybertip.session import PlannedFile, ReportSession, SessionState, Step
from tutela.provider import composing, crashpoints, workflow
from tutela.provider.atrest import AtRest
from tutela.provider.cases import Signal, State
from tutela.provider.contents import open_original
from tutela.provider.errors import HomeserverFailed, MediaUnavailable, OriginalMismatch
from tutela.provider.media import Homeserver
from tutela.provider.models import Case, CaseImage, ReportJob
from tutela.provider.retries import later
from tutela.provider.unsealing import plaintext
from tutela.provider.workflow import WORKER

#: tries after which a person must look, at about one an hour
_MOST_ATTEMPTS: Final = 200


@dataclass(frozen=True, slots=True)
class CrashingSender:
    """`Client` with the named points of the crash tests; see `crashpoints`."""

    client: Client

    def submit(self, report: Report | bytes, *, idempotency_key: str = "") -> int:
        """Open a report."""
        report_id = self.client.submit(report, idempotency_key=idempotency_key)
        crashpoints.reach("after-submit")
        return report_id

    def upload(self, report_id: int, name: str, stream: IO[bytes]) -> Uploaded:
        """Add a file."""
        uploaded = self.client.upload(report_id, name, stream)
        crashpoints.reach("after-upload")
        return uploaded

    def fileinfo(self, details: FileDetails) -> None:
        """Describe a file."""
        self.client.fileinfo(details)

    def finish(self, report_id: int) -> Finished:
        """Close a report."""
        crashpoints.reach("before-finish")
        finished = self.client.finish(report_id)
        crashpoints.reach("after-finish")
        return finished

    def retract(self, report_id: int) -> None:
        """Withdraw a report."""
        self.client.retract(report_id)


@dataclass(frozen=True, slots=True)
class Outbox:
    """Works on jobs, one at a time; the caller makes sure that nobody else does (`tasks`)."""

    step: workflow.Step
    at_rest: AtRest
    homeserver: Homeserver
    client: Client

    def work(self, job: ReportJob) -> None:
        """Carry a job as far as it goes now."""
        try:
            if job.state == ReportJob.State.RETRACTING:
                self._take_back(job)
            else:
                self._send(job)
        except RequestRefused as error:
            self._stop(job, error)
        except (CybertipError, HomeserverFailed, MediaUnavailable, OriginalMismatch) as error:
            self._postpone(job, error)
        except Exception as error:
            self._postpone(job, error)  # whatever it is, it must not be tried without a pause
            raise

    def _send(self, job: ReportJob) -> None:
        if job.sealed_document is None and not self._begin_anew(job):
            return
        document = documents.parse_report(self._document(job))
        session = self._session(job, document, self._files(job))
        self._settle(job, session.run())

    def _begin_anew(self, job: ReportJob) -> bool:
        """Compose a job's document; False if an earlier one was finished before it could be taken back."""
        if job.session is not None:
            state = self._session(job, None, []).abandon()
            if state.step is Step.FINISHED:
                self._settle(job, state)
                return False
        document = documents.to_xml(self._compose(job))
        job.sealed_document = self.at_rest.seal(f"document/{job.key}", document)
        job.save(update_fields=["sealed_document"])
        return True

    def _compose(self, job: ReportJob) -> Report:
        case = job.case
        if job.kind == ReportJob.Kind.REPORT:
            return composing.report(case, _verified(case), self.step.config)
        prior = case.jobs.get(kind=ReportJob.Kind.REPORT).report_id or 0
        return composing.follow_up(case, prior, self.step.config, self.step.now)

    def _document(self, job: ReportJob) -> bytes:
        return self.at_rest.open(f"document/{job.key}", bytes(job.sealed_document or b""))

    def _files(self, job: ReportJob) -> list[PlannedFile]:
        if job.kind != ReportJob.Kind.REPORT:
            return []
        return [self._planned(image) for image in _verified(job.case)]

    def _planned(self, image: CaseImage) -> PlannedFile:
        original = open_original(self.at_rest, image)

        def fetch() -> IO[bytes]:
            return io.BytesIO(plaintext(image, self.at_rest, self.homeserver))

        details = composing.file_details(image, original)
        return PlannedFile(composing.file_name(image, original), fetch, details)

    def _session(self, job: ReportJob, document: Report | None, files: list[PlannedFile]) -> ReportSession:
        def save(state: SessionState) -> None:
            job.session, job.report_id = state.to_dict(), state.report_id
            job.save(update_fields=["session", "report_id"])

        stored = job.session
        state = SessionState(key=str(job.key)) if stored is None else SessionState.from_dict(stored)
        nothing = composing.follow_up(job.case, 0, self.step.config, self.step.now)
        return ReportSession(CrashingSender(self.client), document or nothing, files, state, save)

    def _settle(self, job: ReportJob, state: SessionState) -> None:
        with transaction.atomic():
            case = workflow.locked(job.case.reference)
            outdated = ReportJob.objects.get(pk=job.pk).sealed_document is None
            job.state, job.finished_at = ReportJob.State.FINISHED, self.step.now
            job.report_id, job.sealed_document, job.last_error = state.report_id, None, ""
            job.save()
            detail = {"kind": job.kind, "report": state.report_id, "attempt": state.attempt}
            audit.record(WORKER, "report.finished", f"case/{case.reference}", detail)
            if job.kind == ReportJob.Kind.REPORT:
                self._settle_case(case, outdated=outdated)

    def _settle_case(self, case: Case, *, outdated: bool) -> None:
        """Close the case. What changed while the last calls were under way reaches the centre after them."""
        if case.state == State.REPORTING:
            workflow.advance(case, Signal.FINISHED, self.step)
        if outdated or case.state == State.REVERSED:
            workflow.inform(case, self.step.now)

    def _take_back(self, job: ReportJob) -> None:
        state = SessionState(key=str(job.key))
        if job.session is not None:
            state = self._session(job, None, []).abandon()
        if state.step is Step.FINISHED:
            self._settle(job, state)
            return
        with transaction.atomic():
            job.state, job.sealed_document, job.last_error = ReportJob.State.RETRACTED, None, ""
            job.save()
            audit.record(WORKER, "report.retracted", f"case/{job.case.reference}")

    def _postpone(self, job: ReportJob, error: Exception) -> None:
        attempts = job.attempts + 1
        if attempts > _MOST_ATTEMPTS:
            self._stop(job, error)
            return
        ReportJob.objects.filter(pk=job.pk).update(
            attempts=attempts,
            next_attempt_at=later(self.step.now, attempts),
            last_error=getattr(error, "code", ""),
        )

    def _stop(self, job: ReportJob, error: Exception) -> None:
        code = getattr(error, "code", "")
        with transaction.atomic():
            ReportJob.objects.filter(pk=job.pk).update(state=ReportJob.State.STUCK, last_error=code)
            audit.record(WORKER, "report.stuck", f"case/{job.case.reference}", {"code": code})


def _verified(case: Case) -> list[CaseImage]:
    images = case.images.filter(withdrawn=False, original=CaseImage.Original.VERIFIED)
    return list(images.select_related("case"))
