"""Letters, by SMTP."""

import smtplib
import ssl
from contextlib import ExitStack
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime
from functools import cache
from types import TracebackType
from typing import Self
from urllib.parse import unquote, urlsplit

import eventlet

from services.notification.commands.deliveries import Parcel
from services.notification.couriers.answer import Answer
from shared.project import Outlet
from shared.settings import Settings

SMTP_TIMEOUT_SECONDS = 20.0  # of one step, and twice as many of a whole letter
FINAL_REPLIES = {550, 551, 552, 553, 554}
ABOUT_US = b"5.7."  # RFC 3463: security or policy; a relay that denies us, a login that is wrong
REHEARSAL = "演练 Rehearsal: "


class LetterCourier:
    """Sends letters over one SMTP connection, opened at the first letter; a context manager.

    A letter has its time as a whole, however slowly the server speaks.
    """

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
        """One letter; what our own mail server refuses us is never the addressee's fault."""
        try:
            message = self._message(parcel)
        except ValueError:
            return Answer("bad-address", final=True, error="the address is no mail address")
        try:
            with eventlet.Timeout(2 * SMTP_TIMEOUT_SECONDS, TimeoutError):
                self._connected().send_message(message)
        except smtplib.SMTPDataError as error:
            return self._refused(error.smtp_code, error.smtp_error)
        except smtplib.SMTPRecipientsRefused as error:
            return self._refused(*next(iter(error.recipients.values())))
        except (OSError, ValueError) as error:  # a ValueError comes from our own SMTP URL
            unwritable = self._server and isinstance(error, smtplib.SMTPNotSupportedError)
            return self._unwritable() if unwritable else self._away()
        return Answer("smtp-250", taken=True)

    def _message(self, parcel: Parcel) -> EmailMessage:
        letter = parcel.content
        message = EmailMessage(policy=policy.SMTP)
        prefix = REHEARSAL if self._clock_kind == "rehearsal" else ""
        message["Subject"] = prefix + " ".join(letter["subject"].split())
        message["From"] = self._settings.mail_from
        mailbox, _at, domain = parcel.address.rpartition("@")
        message["To"] = f"{mailbox}@{domain.encode('idna').decode()}"
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

    def _refused(self, code: int, words: bytes | str) -> Answer:
        """A refusal is final if it is about the addressee or the letter, not about us."""
        self._hang_up()
        told = words if isinstance(words, bytes) else words.encode()
        final = code in FINAL_REPLIES and not told.startswith(ABOUT_US)
        return Answer(f"smtp-{code}", final=final, error="the mail server refused the letter")

    def _unwritable(self) -> Answer:
        words = "the mail server cannot write to this address"
        return Answer("not-supported", final=True, error=words)

    def _away(self) -> Answer:
        """The server is gone, or as good as: no word more is lost on it."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        return Answer("no-connection", error="the mail server cannot be used at present")

    def _hang_up(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            try:
                with eventlet.Timeout(SMTP_TIMEOUT_SECONDS, TimeoutError):
                    server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()


def _connect(url: str) -> smtplib.SMTP:
    parts = urlsplit(url)
    host = parts.hostname or "localhost"
    server: smtplib.SMTP
    if parts.scheme == "smtps":
        port, timeout = parts.port or 465, SMTP_TIMEOUT_SECONDS
        server = smtplib.SMTP_SSL(host, port, timeout=timeout, context=_trusted())
    else:
        server = smtplib.SMTP(host, parts.port or 25, timeout=SMTP_TIMEOUT_SECONDS)
    with ExitStack() as undo:
        undo.callback(server.close)
        if parts.scheme == "smtp+starttls":
            server.starttls(context=_trusted())
        if parts.username:
            server.login(unquote(parts.username), unquote(parts.password or ""))
        undo.pop_all()
    return server


@cache
def _trusted() -> ssl.SSLContext:
    """Reads the machine's authorities, which takes as long as a letter does."""
    return ssl.create_default_context()
