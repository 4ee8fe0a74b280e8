"""Set one organisation up in one process: what its commands do one after the other.

    python -m tutela.demo.founding ROLE DATA

Reads {"people": [[name, role, password]], "machine": [name, permission]} and prints {"token": ...} of the
machine account. Key files open with the passphrase of the environment.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Final

OPERATOR: Final = "operator/demonstration"


def main() -> None:
    """Bring the database up to date, make keys and accounts."""
    role, data = sys.argv[1], Path(sys.argv[2])
    wanted = json.load(sys.stdin)
    from tutela.console import bootstrap

    bootstrap.configure(role, data=data)
    bootstrap.migrate()
    from tutela.console import accounts

    if role == "hub":
        from tutela.hub.setup import set_up
        from tutela.hub.storage import Store
        from tutela.sealed import keyfile

        set_up(Store.of_this_server(), keyfile.passphrase_from_environment())
    for name, group, password in wanted["people"]:
        accounts.add_user(OPERATOR, name, [group], password)
    name, permission = wanted["machine"]
    _, token = accounts.issue_machine(OPERATOR, name, [permission])
    sys.stdout.write(json.dumps({"token": token}))


if __name__ == "__main__":
    main()
