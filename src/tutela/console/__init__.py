"""The shared console: sign-in, permissions, audit rows, pages and components of all roles.

One Django project serves a provider, a national centre or a list register; `TUTELA_ROLE` chooses which. The
role's own app is named by string only, so this room imports none of them.

Run `python -m tutela.console COMMAND` for Django's management commands.
"""
