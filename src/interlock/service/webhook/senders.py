"""Knows who may send alerts, and in which form; each question has one refusal."""

import ipaddress
from dataclasses import dataclass
from typing import Any, Final

from fastapi import Request

from interlock.config.webhook import WebhookSettings
from interlock.runtime.clock import Clock
from interlock.service.peers import Peer, peer_of
from interlock.service.problems import Problem
from interlock.service.webhook.trust import SIGNATURE, TIMESTAMP, WebhookSecrets, signed_ns
from interlock.signals.alert_secret import find_secret

KINDS: Final = frozenset({"application/json", "text/plain"})
PROOFS_LIVE: Final = 2  # of: secret, signature, certificate, source; where money is at stake


def refused(status: int, code: str, message: str, *, field: str = "", retry: str = "") -> Problem:
    """Return a refusal; it holds nothing of what was sent but the name of a field."""
    more: dict[str, Any] = {"field": field} if field else {}
    headers = {"Retry-After": retry} if retry else {}
    return Problem(status=status, code=code, message=message, more=more, headers=headers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Senders:
    """Knows who may send alerts.

    Attributes:
        secrets: What senders have to know.
        settings: Where from, and what else.
        clock: Judges the time of a signature.
        is_paper: Whether no money is at stake: then a program of this machine may send without
            the secret, and otherwise one proof is not enough.
    """

    secrets: WebhookSecrets
    settings: WebhookSettings
    clock: Clock
    is_paper: bool

    def check_before_body(self, request: Request, token: str | None) -> None:
        """Refuse by what is known without the body.

        Raises:
            Problem: 401, 403 or 415.
        """
        if not self.settings.enabled:
            raise refused(403, "WEBHOOK_OFF", "alerts are switched off (webhook.enabled).")
        is_own = self._is_own(request)
        if not is_own:
            self._check_source(peer_of(request))
            self._check_certificate(request)
            _check_kind(request)
        if token is not None:
            self._check_secret(token.encode("utf-8", "surrogatepass"))

    def check_body(self, request: Request, body: bytes, *, has_token: bool) -> int | None:
        """Refuse a body whose sender did not prove who it is.

        Args:
            request: Its headers count.
            body: No field of it is read but the secret.
            has_token: Whether the address held a secret, which was right.

        Returns:
            The time of its signature; None when it is not signed.

        Raises:
            Problem: 401.
        """
        time_ns = self._check_signature(request, body)
        secret = find_secret(body)
        if secret is not None:
            self._check_secret(secret)
        knows_secret = has_token or secret is not None
        proofs = [
            knows_secret,
            time_ns is not None,
            bool(self.settings.client_name),
            bool(self.settings.sources),
        ]
        proven = knows_secret or time_ns is not None
        enough = sum(proofs) >= (1 if self.is_paper else PROOFS_LIVE)
        if not ((proven and enough) or self._is_own(request)):
            raise refused(
                401,
                "SECRET_NEEDED",
                "the webhook's secret must be in the address (/webhook/SECRET), in the body "
                f"(secret) or in a signature ({SIGNATURE}), and was not"
                + ("." if self.is_paper else f"; live takes {PROOFS_LIVE} proofs."),
            )
        return time_ns

    def check_kept(self, *texts: str | None) -> None:
        """Refuse what would be kept and shown with a secret in it.

        Args:
            texts: Of the alert, as the sender wrote them.

        Raises:
            Problem: 422.
        """
        kept = " ".join(filter(None, texts)).encode("utf-8", "surrogatepass")
        if any(one in kept for one in self.secrets.accepted()):
            raise refused(
                422,
                "BAD_ALERT",
                "the webhook's secret must be in secret alone, and was in another field.",
                field="secret",
            )

    def _is_own(self, request: Request) -> bool:
        return self.is_paper and peer_of(request).is_direct_loopback

    def _check_source(self, peer: Peer) -> None:
        if not self.settings.sources:
            return
        try:
            address = ipaddress.ip_address(peer.address)
        except ValueError:
            address = None
        mapped = getattr(address, "ipv4_mapped", None) or address
        if mapped is None or not any(mapped in one for one in self.settings.networks):
            raise refused(403, "SOURCE_REFUSED", "alerts must come from one of webhook.sources.")

    def _check_certificate(self, request: Request) -> None:
        """Refuse who has not the certificate, as the proxy says that checked it."""
        wanted = self.settings.client_name
        if not wanted:
            return
        found = request.headers.getlist(self.settings.client_name_header)
        if not peer_of(request).through_proxy or found != [wanted]:
            raise refused(
                403,
                "CERTIFICATE_REFUSED",
                "alerts must come with the certificate of webhook.client_name, through the proxy "
                "that checks it.",
            )

    def _check_secret(self, given: bytes) -> None:
        if not self.secrets.is_secret(given):
            raise refused(401, "SECRET_WRONG", "the webhook's secret must be right, and was not.")

    def _check_signature(self, request: Request, body: bytes) -> int | None:
        """Return the time of a signature that is right; None without one."""
        signatures = request.headers.getlist(SIGNATURE)
        times = request.headers.getlist(TIMESTAMP)
        if not signatures and not times and not self.settings.signature_required:
            return None
        if not signatures and not times and self._is_own(request):
            return None
        if len(signatures) != 1 or len(times) != 1:
            raise refused(
                401, "SIGNATURE_WRONG", f"{SIGNATURE} and {TIMESTAMP} must be given, once each."
            )
        time_ns = signed_ns(times[0])
        if time_ns is None or not self.secrets.is_signature(signatures[0], times[0], body):
            raise refused(
                401,
                "SIGNATURE_WRONG",
                f"{SIGNATURE} must be HMAC-SHA256 of {TIMESTAMP}, a period and the body, made with "
                "the webhook's secret, and was not.",
            )
        if abs(self.clock.now_ns() - time_ns) > self.settings.signature_ns:
            raise refused(
                401,
                "SIGNATURE_EXPIRED",
                f"{TIMESTAMP} must be within {self.settings.signature_seconds} s of our time, and "
                "was not. Next: look at the sender's clock.",
            )
        return time_ns


def _check_kind(request: Request) -> None:
    """Refuse what a form of some page could send."""
    kinds = request.headers.getlist("content-type")
    first, _, rest = (kinds[0] if kinds else "text/plain").partition(";")
    charset = rest.strip().lower().removeprefix("charset=").strip('"')
    if (
        len(kinds) > 1
        or first.strip().lower() not in KINDS
        or charset not in {"", "utf-8", "us-ascii"}
        or request.headers.get("content-encoding", "identity").lower() != "identity"
    ):
        raise refused(
            415,
            "WRONG_TYPE",
            "Content-Type must be application/json or text/plain, in UTF-8 and not packed.",
        )
