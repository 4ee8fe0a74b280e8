# SPDX-License-Identifier: Apache-2.0
"""Tutela module for Synapse: every encrypted upload is accompanied by a sealed voucher set.

It never sees content or keys; a set is opaque bytes of one constant size. Endpoints, all below
/_synapse/client/tutela/ with the user's access token (media: with the provider's):

    POST enrol     {"enrolment": base64}                      the device's signed enrolment
    POST voucher   {"ct_sha256": hex, "voucher": base64}      before the upload; exactly `voucher_bytes` bytes
    GET  receipts                                             what became of them; why uploads are refused
    GET  media/<ct_sha256>                                    ciphertext bytes, for the provider only, and
                                                              only of uploads whose set it accepted

A set is joined to its upload by the SHA-256 of the ciphertext and claimed by one upload of the account that
posted it. Claimed sets and enrolments go to the provider in the order of their arrival per device, at least
once, until the provider itself answers; the provider drops repetitions. When the oldest undelivered one
passes `deadline_hours`, uploads of the account are refused; when the provider refused the last
`refusals_allowed` sets of a device, that device's next are. `receipts` says why. Text goes on in every case.

Config: voucher_bytes, provider_url, service_token_file (required); media_token_file, deadline_hours 24,
unclaimed_minutes 10, receipt_days 7, refusals_allowed 3, rate_per_second 2, rate_burst 60, relay_seconds 1,
backoff_seconds 300, client_port_header (in which the reverse proxy names the sender's TCP port), and
public_media:
  "refuse"  every upload needs a set: no avatars, no media in unencrypted rooms (the default);
  "allow"   a file that this server can itself recognise (JPEG, PNG, ...) needs none: ordinary means can
            check it here. A modified client can put such a header before a ciphertext; honest ones are bound.

What it does NOT give: it cannot tell whether a set belongs to the plaintext, which upload is a picture, or
whether a modified client sends the key of an earlier upload once more instead of uploading again.
Address and port are those of the voucher request, a moment before the upload. Synapse keeps them, and the
set, until delivery; afterwards a digest, a state and times stay for `receipt_days`, and the ciphertext's
SHA-256 without an account if the provider accepted the set. Do not run Synapse at log level DEBUG.
Imports: Synapse, Twisted (its engine), the standard library, `ledger` and `delivery` beside it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import io
import ipaddress
import json
import logging
import random
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from synapse.api.ratelimiting import Ratelimiter
from synapse.config.ratelimiting import RatelimitSettings
from synapse.http.client import read_body_with_max_size
from synapse.http.server import DirectServeJsonResource
from synapse.http.servlet import parse_json_object_from_request
from synapse.logging.context import current_context, make_deferred_yieldable
from synapse.media._base import FileInfo, respond_with_responder
from synapse.module_api import NOT_SPAM, ModuleApi
from synapse.module_api.errors import Codes, ConfigError, SynapseError
from synapse.storage.engines import PostgresEngine
from synapse.util.async_helpers import timeout_deferred
from twisted.web.http_headers import Headers

from tutela.homeserver.delivery import is_final, parse_answer, request_of
from tutela.homeserver.ledger import Ledger, Row, Settings, reason

log = logging.getLogger("tutela.homeserver")
PREFIX = "/_synapse/client/tutela/"
MAX_ENROLMENT, MAX_ANSWER = 16_384, 65_536
TIMEOUT_SECONDS = 60
#: beginnings of files that the server can read by itself
READABLE = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF....WEBP|II\*\0|MM\0\*|....ftyp|\x1aE\xdf\xa3|OggS|%PDF-",
    re.DOTALL,
)
T = TypeVar("T")


class TutelaModule:
    """What Synapse loads; see the module's own text for its configuration."""

    def __init__(self, config: Settings, api: ModuleApi) -> None:
        self.settings, self.api = config, api
        self.ledger, self.created = Ledger(config), False
        self.clock = api._hs.get_clock()  # noqa: SLF001 - the module API offers no other way
        self.relay = Relay(self, read_token(config.service_token_file))
        rate = RatelimitSettings("tutela", config.rate_per_second, config.rate_burst)
        self.limiter = Ratelimiter(store=api._store, clock=self.clock, cfg=rate)  # noqa: SLF001 - as above
        api.register_spam_checker_callbacks(check_media_file_for_spam=self.check_upload)
        for name, resource in (("enrol", Enrol), ("voucher", Voucher), ("receipts", Receipts)):
            api.register_web_resource(PREFIX + name, resource(self))
        if config.media_token_file:
            token = read_token(config.media_token_file)
            api.register_web_resource(PREFIX + "media", Media(self, token))
        api.looping_background_call(self.relay.run, config.relay_seconds * 1000, desc="tutela_relay")
        api.looping_background_call(self.expire, 60_000, desc="tutela_expire")

    @staticmethod
    def parse_config(config: dict[str, Any]) -> Settings:
        """Check the configuration when Synapse starts."""
        try:
            return Settings.parse(config)
        except ValueError as error:
            raise ConfigError(f"tutela: {error}") from error

    async def db(self, work: Callable[..., T], *args: Any) -> T:
        """Run one ledger transaction in Synapse's database; creates the tables at the first."""
        if not self.created:
            await self.api.run_db_interaction("tutela_create", self._create)
            self.created = True
        result: T = await self.api.run_db_interaction(f"tutela_{work.__name__}", work, *args)
        return result

    def _create(self, txn: Any) -> None:
        self.ledger.create(txn, postgres=isinstance(txn.database_engine, PostgresEngine))

    async def expire(self) -> None:
        """Delete what is no longer needed (called each minute)."""
        await self.db(self.ledger.expire, now_ms())

    def poke(self) -> None:
        """Let the relay look at once instead of at its next turn."""
        if self.api.should_run_background_tasks():
            self.api.run_as_background_process("tutela_relay", self.relay.run)

    async def check_upload(self, wrapper: Any, info: FileInfo) -> Any:
        """Decide on one file before Synapse stores it; fails closed."""
        if info.url_cache or info.thumbnail or info.server_name:
            return NOT_SPAM  # made or fetched by the server, not uploaded by an account
        digest, beginning = hashlib.sha256(), bytearray()

        def take(chunk: bytes) -> None:
            digest.update(chunk)
            if len(beginning) < 16:
                beginning.extend(chunk[:16])

        await wrapper.write_chunks_to(take)
        if self.settings.public_media == "allow" and READABLE.match(bytes(beginning)):
            return NOT_SPAM
        request = current_context().request
        account = request.requester if request is not None else None
        if not account:
            return Codes.FORBIDDEN
        if await self.db(self.ledger.claim, account, digest.hexdigest(), now_ms()):
            return Codes.FORBIDDEN  # Synapse says "Bad content"; the reason stands in `receipts`
        self.poke()
        return NOT_SPAM


class Relay:
    """Carries the queue to the provider; runs on Synapse's background instance only."""

    def __init__(self, module: TutelaModule, token: str) -> None:
        self.module, self.token = module, token
        self.failures, self.pause_until = 0, 0
        self.running = self.again = False

    async def run(self) -> None:
        """Deliver all that is due; a call while another runs makes that one look again."""
        self.again = True
        if self.running:
            return
        self.running = True
        try:
            while self.again and now_ms() >= self.pause_until:
                self.again = False
                for row in await self.module.db(self.module.ledger.heads, now_ms()):
                    self.again = await self._deliver(row)
                    if not self.again:
                        break
        finally:
            self.running = False

    async def _deliver(self, row: dict[str, Any]) -> bool:
        """Send one row; return False when the provider cannot be reached at all."""
        ledger, seq = self.module.ledger, row["seq"]
        try:
            status, body = await self._post(*request_of(row))
        except Exception as error:  # noqa: BLE001 - Twisted and TLS have dozens of kinds; all mean "not reached"
            log.info("provider not reached: %s", type(error).__name__)
            self.failures += 1
            self.pause_until = now_ms() + self._backoff(self.failures)
            await self.module.db(ledger.postpone, seq, 0)
            return False
        self.failures, answer = 0, parse_answer(body)
        if 200 <= status < 300 and answer:
            await self.module.db(
                ledger.settle, seq, "delivered", ("key.renew" if answer.renew else "", ""), now_ms()
            )
        elif is_final(status) and answer and answer.code:
            await self.module.db(ledger.settle, seq, "refused", (answer.code, answer.message), now_ms())
        else:
            log.warning("provider answered %d; trying again later", status)
            await self.module.db(ledger.postpone, seq, now_ms() + self._backoff(row["attempts"] + 1))
        return True

    async def _post(self, route: str, body: dict[str, Any]) -> tuple[int, bytes]:
        """POST JSON; return status and body, bounded in size and time. Nothing of either is logged."""
        headers = Headers({"Content-Type": ["application/json"], "Authorization": [f"Bearer {self.token}"]})
        url, content = self.module.settings.provider_url.rstrip("/") + route, io.BytesIO()
        http = self.module.api.http_client
        response = await http.request("POST", url, json.dumps(body).encode(), headers)
        reading = read_body_with_max_size(response, content, MAX_ANSWER)
        reading = timeout_deferred(deferred=reading, timeout=TIMEOUT_SECONDS, clock=self.module.clock)
        await make_deferred_yieldable(reading)
        return int(response.code), content.getvalue()

    def _backoff(self, attempts: int) -> int:
        """Return how long to wait after so many failures, in milliseconds: doubling, jittered, bounded."""
        seconds = min(self.module.settings.backoff_seconds, 2.0 ** min(attempts - 1, 16))
        return int(seconds * 1000 * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, no secret


class Endpoint(DirectServeJsonResource):  # type: ignore[misc] # Synapse's classes are untyped here
    """What the endpoints share: the account behind the access token, and bounded bodies."""

    isLeaf = True  # noqa: N815 - Twisted's name, as are the methods below

    def __init__(self, module: TutelaModule) -> None:
        super().__init__(clock=module.clock)
        self.module = module

    async def who(self, request: Any) -> tuple[str, str]:
        """Return account and device of the access token, within the rate limit."""
        requester = await self.module.api.get_user_by_req(request)
        await self.module.limiter.ratelimit(requester)
        return requester.user.to_string(), requester.device_id or ""

    async def add(
        self, request: Any, kind: str, body: bytes, ct_sha256: str | None
    ) -> tuple[int, dict[str, Any]]:
        """Store an enrolment or a set and answer with its state."""
        account, device = await self.who(request)
        ip, port = client_address(request, self.module.settings.client_port_header)
        digest = hashlib.sha256(body).hexdigest()
        row = Row(account, device, kind, ct_sha256, digest, body, ip, port)
        state, code = await self.module.db(self.module.ledger.add, row, now_ms())
        if code:
            raise refusal_error(403, reason(code))
        self.module.poke()
        return 200, {"state": state, "digest": digest}


class Enrol(Endpoint):
    """POST enrol."""

    async def _async_render_POST(self, request: Any) -> tuple[int, dict[str, Any]]:  # noqa: N802
        body = decode(parse_json_object_from_request(request).get("enrolment"), MAX_ENROLMENT)
        return await self.add(request, "enrolment", body, None)


class Voucher(Endpoint):
    """POST voucher: constant size, so that the size says nothing about the file."""

    async def _async_render_POST(self, request: Any) -> tuple[int, dict[str, Any]]:  # noqa: N802
        content, size = parse_json_object_from_request(request), self.module.settings.voucher_bytes
        ct_sha256 = content.get("ct_sha256")
        if not isinstance(ct_sha256, str) or not re.fullmatch(r"[0-9a-f]{64}", ct_sha256):
            raise malformed("ct_sha256 must be 64 lower-case hex digits")
        body = decode(content.get("voucher"), size)
        if len(body) != size:
            raise malformed(f"a voucher set has exactly {size} bytes", "voucher.size")
        return await self.add(request, "voucher", body, ct_sha256)


class Receipts(Endpoint):
    """GET receipts."""

    async def _async_render_GET(self, request: Any) -> tuple[int, dict[str, Any]]:  # noqa: N802
        account, device = await self.who(request)
        return 200, await self.module.db(self.module.ledger.receipts, account, device, now_ms())


class Media(Endpoint):
    """GET media/<ct_sha256>: ciphertext for the provider, which holds its key only after an opening."""

    def __init__(self, module: TutelaModule, token: str) -> None:
        super().__init__(module)
        self.token = token

    async def _async_render_GET(self, request: Any) -> None:  # noqa: N802
        given = request.requestHeaders.getRawHeaders(b"Authorization", [b""])[0]
        if not hmac.compare_digest(given, b"Bearer " + self.token.encode()):
            raise SynapseError(401, "the provider's token is needed", Codes.UNKNOWN_TOKEN)
        name = b"/".join(request.postpath or []).decode("ascii", "replace")
        found = await self.module.db(self._find, name) if re.fullmatch(r"[0-9a-f]{64}", name) else None
        if found is None:
            raise SynapseError(404, "no such ciphertext", Codes.NOT_FOUND)
        media_id, length = found
        storage = self.module.api._hs.get_media_repository().media_storage  # noqa: SLF001 - no public way
        responder = await storage.fetch_media(FileInfo(server_name=None, file_id=media_id))
        await respond_with_responder(request, responder, "application/octet-stream", length)

    def _find(self, txn: Any, name: str) -> tuple[str, int] | None:
        """Look up only what came with a set: the route tells of no other file whether it is here."""
        return find_media(txn, name) if self.module.ledger.accompanied(txn, name) else None


def find_media(txn: Any, ct_sha256: str) -> tuple[str, int] | None:
    """Look a ciphertext up in Synapse's own table; return (media id, bytes)."""
    query = "SELECT media_id, media_length FROM local_media_repository WHERE sha256 = ? LIMIT 1"
    txn.execute(query, (ct_sha256,))
    row = txn.fetchone()
    return (str(row[0]), int(row[1])) if row else None


def client_address(request: Any, port_header: str) -> tuple[str, int | None]:
    """Return the uploader's address and TCP port (None behind a proxy that does not name it).

    Raises:
        SynapseError: the proxy named no address; the provider could not take such a set.
    """
    port = getattr(request.getClientAddress(), "port", None)
    if port_header:
        named = request.getHeader(port_header) or ""
        port = int(named) if re.fullmatch(r"[0-9]{1,5}", named) and 0 < int(named) < 65_536 else None
    try:
        return str(ipaddress.ip_address(request.get_client_ip_if_available().partition("%")[0])), port
    except ValueError as error:
        raise malformed("the request comes from no address; check the reverse proxy") from error


def decode(value: Any, limit: int) -> bytes:
    """Decode strict base64 of at most `limit` bytes (before it is decoded: of its length)."""
    if not isinstance(value, str) or len(value) > (limit + 3) * 4 // 3 + 4:
        raise malformed("base64 text of the agreed size is needed", "voucher.size")
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise malformed("the base64 text is damaged") from error


def malformed(message: str, code: str = "voucher.malformed") -> SynapseError:
    """Return the answer to a request that is no enrolment or set."""
    return refusal_error(400, {"code": code, "message": message, "hint": "Update the client."})


def refusal_error(status: int, why: dict[str, str]) -> SynapseError:
    """Return a Matrix error that carries Tutela's own reason."""
    errcode = Codes.BAD_JSON if status == 400 else Codes.FORBIDDEN
    return SynapseError(status, why["message"], errcode, additional_fields={"tutela": why})


def read_token(path: str) -> str:
    """Read a bearer token from a file; raises ConfigError when it is missing or empty."""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"tutela: the token file {path} cannot be read") from error
    if not token:
        raise ConfigError(f"tutela: the token file {path} is empty")
    return token


def now_ms() -> int:
    """Return the UTC time in milliseconds."""
    return int(time.time() * 1000)
