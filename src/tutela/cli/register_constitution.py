"""`tutela register constitution new|show|check`: the rules of a register, before and after signing."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from tutela.cli.output import emit, stdout

app = typer.Typer(no_args_is_help=True, help="Write a constitution from rules, look at one, check a chain.")

FILE: dict[str, Any] = {"exists": True, "dir_okay": False, "resolve_path": True}
AsJSON = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def new(
    rules: Annotated[Path, typer.Argument(help="TOML: rules and organisations.", **FILE)],
    *,
    out: Annotated[Path, typer.Option(help="The document to write, for `tutela register sign`.")],
    previous: Annotated[Path | None, typer.Option(help="The constitution in force.", **FILE)] = None,
    as_json: AsJSON = False,
) -> None:
    """Write a constitution that nobody has signed yet; the first one, or the one that follows another."""
    from tutela.hashlist import strict_json
    from tutela.hashlist.governance.signing import MAX_CONSTITUTION
    from tutela.hashlist.trust import read_small
    from tutela.register import founding
    from tutela.sealed.files import replacing

    before = founding.read(read_small(previous, MAX_CONSTITUTION))[0] if previous else None
    text = read_small(rules, MAX_CONSTITUTION).decode(errors="replace")
    made = founding.draft(text, datetime.now(UTC), before)
    with replacing(out) as file:
        file.write(strict_json.canonical(made.to_dict()) + b"\n")
    result = {"ok": True, "out": str(out), **founding.describe(made)}
    emit(result, lambda: _print(result), as_json=as_json)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(help="A constitution, signed or not.", **FILE)],
    *,
    as_json: AsJSON = False,
) -> None:
    """Show what a constitution says, and who signed it by its own account; checks no signature."""
    from tutela.hashlist.governance.signing import MAX_CONSTITUTION
    from tutela.hashlist.trust import read_small
    from tutela.register import founding

    result = {"ok": True, **founding.describe(*founding.read(read_small(file, MAX_CONSTITUTION)))}
    emit(result, lambda: _print(result), as_json=as_json)


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(help="The first constitution, then each later one.", **FILE)],
    *,
    anchor: Annotated[str, typer.Option(help="SHA-256 of the first, as published elsewhere.")],
    as_json: AsJSON = False,
) -> None:
    """Check that a quorum signed each of them, and that each follows the one before."""
    from tutela.hashlist.entries import read_hex
    from tutela.hashlist.governance.signing import MAX_CONSTITUTION
    from tutela.hashlist.trust import read_small
    from tutela.register import founding

    data = [read_small(file, MAX_CONSTITUTION) for file in files]
    last = founding.check(data, read_hex("sha256", anchor))
    result = {"ok": True, "checked": len(files), **founding.describe(last, founding.read(data[-1])[1])}
    emit(result, lambda: _print(result), as_json=as_json)


def _print(result: dict[str, Any]) -> None:
    for name, value in result.items():
        if name not in {"ok", "organisations"}:
            text = ", ".join(value) if isinstance(value, list) else value
            stdout.print(f"{name.replace('_', ' ')}: {text}", soft_wrap=True, markup=False, highlight=False)
    for each in result["organisations"]:
        allied = f"; allied by {', '.join(each['alliances'])}" if each["alliances"] else ""
        about = f"{each['jurisdiction']}, {', '.join(each['roles'])}{allied}"
        stdout.print(
            f"  {each['id']} ({each['name']}): {about}", soft_wrap=True, markup=False, highlight=False
        )
