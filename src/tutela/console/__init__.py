"""The shared console: sign-in, permissions, audit rows, pages and components of both roles.

One Django project serves a provider or a national centre; `TUTELA_ROLE` chooses which. The role's own
app is named by string only, so this room never imports `tutela.provider` or `tutela.hub`.

Run `python -m tutela.console COMMAND` for Django's management commands.
"""
