"""Setting a provider up, and withdrawing an entry from the command line."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tutela.errors import TutelaError
from tutela.hashlist.epoch.admission import admit
from tutela.hashlist.legal_basis import ACTS, LegalBasisMissing, check_use
from tutela.hashlist.trust import Trust
from tutela.provider import config as configuration
from tutela.provider.atrest import KEY_BYTES
from tutela.provider.config import Config, Secrets, Source
from tutela.provider.errors import NotConfigured

if TYPE_CHECKING:
    from tutela.provider.decisions import Withdrawn

_MOST: int = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What `tutela provider init` was told; see `config.Config`."""

    jurisdiction: str
    organisation: str
    contact_email: str
    epoch: Path
    hash_list: Path
    table_key: Path
    trust: Path
    hub: str
    hub_user: str
    homeserver: str
    repository: Path | None = None
    hub_password_file: Path | None = None
    homeserver_token_file: Path | None = None
    passphrase_file: Path | None = None


def set_up(
    state: Path,
    answers: Answers,
    *,
    now: datetime | None = None,
    environ: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Check everything, then write the configuration.

    What an earlier set-up has and no answer names stays: the sealing key, and the limits that an operator may
    have changed in config.json.

    Raises:
        TutelaError: a device would refuse the epoch (`admit`), the legal basis does not hold, or a file
            cannot be used; nothing was written.
    """
    from tutela.provider.runtime import load

    variables = os.environ if environ is None else environ
    moment = now or datetime.now(UTC)
    config = Config(
        jurisdiction=answers.jurisdiction,
        organisation=answers.organisation,
        contact_email=answers.contact_email,
        epoch=str(answers.epoch),
        hash_list=str(answers.hash_list),
        table_key=str(answers.table_key),
        trust=str(answers.trust),
        hub=answers.hub,
        hub_user=answers.hub_user,
        homeserver=answers.homeserver,
        repository="" if answers.repository is None else str(answers.repository),
        passphrase_file="" if answers.passphrase_file is None else str(answers.passphrase_file),
    )
    if (state / configuration.CONFIG).exists():
        known = configuration.load(state, {})[0]
        config = replace(config, earlier=_earlier(known, config), **known.limits)
    trust = Trust.load(answers.trust)
    admitted = admit(answers.epoch, trust, answers.jurisdiction, moment)
    if admitted.basis is None:
        raise admitted.why_no_basis or LegalBasisMissing
    manifest, basis = admitted.manifest, admitted.basis
    check_use(basis, acts=ACTS, keep_days=config.preserve_days, scales=load(config.source).scales)
    secrets = Secrets(
        at_rest=configuration.at_rest_key(state) or os.urandom(KEY_BYTES),
        hub_password=_secret(answers.hub_password_file, variables, "TUTELA_HUB_PASSWORD"),
        homeserver_token=_secret(answers.homeserver_token_file, variables, "TUTELA_HOMESERVER_TOKEN"),
    )
    configuration.save(state, config, secrets)
    return {
        "folder": str(state),
        "epoch": manifest.number,
        "threshold": manifest.threshold,
        "valid_until": manifest.valid_until.isoformat(),
        "voucher_bytes": manifest.sizes.voucher,
        "statute": f"{basis.jurisdiction}: {basis.statute}",
    }


def _earlier(known: Config, config: Config) -> tuple[Source, ...]:
    """Return the epochs that were in use before and whose table keys are still there.

    An epoch whose files the new one took the place of cannot be used any more.
    """
    return tuple(
        source
        for source in (known.source, *known.earlier)
        if source.table_key != config.table_key
        and source.epoch != config.epoch
        and Path(source.table_key).exists()
    )


def withdraw(entry_id: str, reason: str) -> Withdrawn:
    """Withdraw an entry as the operator of this machine; Django must be configured."""
    from django.utils import timezone

    from tutela.hashlist import HashList
    from tutela.provider import decisions, runtime
    from tutela.provider.workflow import Step

    config, _, _ = runtime.offline()
    try:
        hash_list = HashList.load(Path(config.hash_list))
    except TutelaError:  # a withdrawal must not wait for a file: cases know the entry too
        hash_list = None
    step = Step(f"operator/{getpass.getuser()}", timezone.now(), config)
    return decisions.withdraw(entry_id, reason, hash_list, step)


def _secret(file: Path | None, variables: Mapping[str, str], name: str) -> str:
    """Return the first line of a file, or "" where the environment brings the secret at run time."""
    if file is None:
        if not variables.get(name):
            raise NotConfigured(f"A secret is missing: {name}.", hint="Set it, or name a file that holds it.")
        return ""
    try:
        with file.open("rb") as stream:
            text = stream.read(_MOST).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise NotConfigured(f"The file {file.name} cannot be read.") from error
    line = text.split("\n", 1)[0].strip()
    if not line:
        raise NotConfigured(f"The file {file.name} is empty.")
    return line
