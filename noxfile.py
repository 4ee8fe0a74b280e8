"""Tasks behind the Makefile. Run with `nox --no-venv -s NAME` inside the environment of `make setup-test`."""

from __future__ import annotations

from pathlib import Path

import nox

nox.options.default_venv_backend = "none"
nox.options.sessions = ["check"]

LOCK = (
    "--generate-hashes",
    "--no-header",
    "--no-emit-index-url",
    "--no-annotate",
    "--python-version",
    "3.11",
)


@nox.session
def check(session: nox.Session) -> None:
    """Lint, formatting, types, and who may import whom."""
    session.run("ruff", "check", "--quiet", ".")
    session.run("ruff", "format", "--quiet", "--check", ".")
    session.run("mypy")
    session.run("lint-imports", "--no-logo")


@nox.session
def lock(session: nox.Session) -> None:
    """Resolve pyproject.toml again into requirements/*.txt."""
    for extra, name, bound in (("demo", "demo", ()), ("dev", "test", ("-c", "requirements/demo.txt"))):
        out = f"requirements/{name}.txt"
        session.run(
            "uv", "pip", "compile", "--quiet", "pyproject.toml", "--extra", extra, *bound, *LOCK, "-o", out
        )


@nox.session
def coverage(session: nox.Session) -> None:
    """The suite with branch coverage; prints the report."""
    session.run("pytest", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """Build docs/ with Sphinx; any warning is an error."""
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")
    session.log("open %s", Path("docs/_build/html/index.html").absolute())


@nox.session
def vendor(session: nox.Session) -> None:
    """Fetch the console's assets again and compare them with what is committed."""
    session.run("python", "tools/vendor_assets.py", *session.posargs)
