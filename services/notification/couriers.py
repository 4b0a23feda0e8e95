"""Couriers: letters by SMTP, webhooks as Standard Webhooks. They know no database.

What they report of a failure is a code and words of our own, never the receiver's text, which
could hold an address.
"""

import smtplib
import ssl
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import requests

from services.notification.commands.deliveries import Parcel
from services.notification.rules.webhooks import body_of, signature
from shared.project import Outlet
from shared.settings import Settings

SMTP_TIMEOUT_SECONDS = 20.0
PERMANENT_REPLIES = range(500, 600)
TAKEN = range(200, 300)
HTTP_GONE = 410
REHEARSAL = "演练 Rehearsal: "


@dataclass(frozen=True)
class Answer:
    """What became of one attempt; `final` needs no second one, `gone` ends the subscriber."""

    code: str
    taken: bool = False
    final: bool = False
    gone: bool = False
    error: str | None = None


class LetterCourier:
    """Sends letters over one SMTP connection, opened at the first letter; a context manager."""

    outlet = Outlet.LETTER
    timeout_seconds = SMTP_TIMEOUT_SECONDS

    def __init__(self, settings: Settings, clock_kind: str) -> None:
        self._settings, self._clock_kind = settings, clock_kind
        self._server: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._hang_up()

    def send(self, parcel: Parcel) -> Answer:
        """One letter."""
        try:
            message = self._message(parcel)
            self._connected().send_message(message)
        except ValueError:
            return Answer("bad-address", final=True, error="the address is no mail address")
        except smtplib.SMTPDataError as error:
            return self._refused(error.smtp_code)
        except smtplib.SMTPRecipientsRefused as error:
            return self._refused(next(iter(error.recipients.values()))[0])
        except smtplib.SMTPNotSupportedError:
            return Answer(
                "not-supported", final=True, error="the mail server cannot write to this address"
            )
        except (OSError, smtplib.SMTPException):
            self._hang_up()
            return Answer("no-connection", error="the mail server cannot be used at present")
        return Answer("smtp-250", taken=True)

    def _message(self, parcel: Parcel) -> EmailMessage:
        letter = parcel.content
        message = EmailMessage(policy=policy.SMTP)
        prefix = REHEARSAL if self._clock_kind == "rehearsal" else ""
        message["Subject"] = prefix + " ".join(letter["subject"].split())
        message["From"] = self._settings.mail_from
        message["To"] = parcel.address
        message["Date"] = format_datetime(datetime.now(UTC))
        message["Message-ID"] = f"<{parcel.id}@{self._settings.mail_from.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        text = f"{prefix}\n\n" if prefix else ""
        message.set_content(
            f"{text}{letter['text']}\n\n{self._settings.site_url}{letter['path']}\n"
        )
        return message

    def _connected(self) -> smtplib.SMTP:
        if self._server is None:
            self._server = _connect(self._settings.smtp_url)
        return self._server

    def _refused(self, code: int) -> Answer:
        self._hang_up()
        final = code in PERMANENT_REPLIES
        return Answer(f"smtp-{code}", final=final, error="the mail server refused the letter")

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()


class WebhookCourier:
    """Posts webhooks; follows no redirect, reads no answer's body, uses no proxy or netrc."""

    outlet = Outlet.WEBHOOK

    def __init__(self, settings: Settings, clock_kind: str) -> None:
        self.timeout_seconds = settings.webhook_timeout_seconds
        self._is_rehearsal = clock_kind == "rehearsal"
        self._session = requests.Session()
        self._session.trust_env = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def send(self, parcel: Parcel) -> Answer:
        """One webhook."""
        content = parcel.content | ({"rehearsal": True} if self._is_rehearsal else {})
        body = body_of(content)
        try:
            with self._session.post(
                parcel.address,
                data=body,
                headers=_headers(parcel, body),
                timeout=self.timeout_seconds,
                allow_redirects=False,
                stream=True,
            ) as response:
                return _answer_of(response.status_code)
        except requests.Timeout:
            return Answer("timeout", error="the receiver did not answer in time")
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema):
            return Answer("bad-address", final=True, error="the address is no URL")
        except requests.RequestException:
            return Answer("no-connection", error="the receiver could not be reached")


def _headers(parcel: Parcel, body: bytes) -> dict[str, str]:
    timestamp = int(time.time())
    return {
        "Content-Type": "application/json",
        "User-Agent": "laurel",
        "webhook-id": parcel.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(parcel.secret or "", parcel.id, timestamp, body),
    }


def _answer_of(status: int) -> Answer:
    code = f"http-{status}"
    if status in TAKEN:
        return Answer(code, taken=True)
    gone = status == HTTP_GONE
    error = "the receiver wants no more webhooks" if gone else "the receiver did not take it"
    return Answer(code, final=gone, gone=gone, error=error)


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        server = smtplib.SMTP_SSL(
            host, parts.port or 465, timeout=SMTP_TIMEOUT_SECONDS, context=_trusting()
        )
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=SMTP_TIMEOUT_SECONDS)
    if parts.scheme == "smtp+starttls":
        server.starttls(context=_trusting())
    if parts.username:
        server.login(unquote(parts.username), unquote(parts.password or ""))
    return server


def _trusting() -> ssl.SSLContext:
    return ssl.create_default_context()
