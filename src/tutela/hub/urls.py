"""URLs of the hub: the wire protocol for providers, the pages for analysts."""

from __future__ import annotations

from django.urls import path, re_path

from tutela.hub.views import acts, files, ispws, overview, reports

app_name = "hub"

urlpatterns = [
    path("", reports.home, name="home"),
    path("reports", reports.queue, name="queue"),
    path("reports/<int:report_id>", reports.report, name="report"),
    path("reports/<int:report_id>/open", acts.open_report, name="open"),
    path("reports/<int:report_id>/refer", acts.refer, name="refer"),
    path("reports/<int:report_id>/close", acts.close, name="close"),
    path("reports/<int:report_id>/reopen", acts.reopen, name="reopen"),
    path("reports/<int:report_id>/note", acts.note, name="note"),
    path("files/<slug:file_id>", files.file, name="file"),
    path("files/<slug:file_id>/allow", files.allow, name="allow"),
    path("files/<slug:file_id>/shown", files.shown, name="shown"),
    path("agencies", overview.agencies, name="agencies"),
    path("audit", overview.audit, name="audit"),
    path("ispws/status", ispws.status, name="ispws-status"),
    path("ispws/xsd", ispws.xsd, name="ispws-xsd"),
    path("ispws/submit", ispws.submit, name="ispws-submit"),
    path("ispws/upload", ispws.upload, name="ispws-upload"),
    path("ispws/fileinfo", ispws.fileinfo, name="ispws-fileinfo"),
    path("ispws/finish", ispws.finish, name="ispws-finish"),
    path("ispws/retract", ispws.retract, name="ispws-retract"),
    re_path("^ispws/", ispws.elsewhere, name="ispws-elsewhere"),
]
