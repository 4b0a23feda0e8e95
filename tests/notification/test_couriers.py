"""Letters and webhooks on the wire: what they look like, what each answer means, what never leaks."""

import base64
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
from contextlib import suppress
from email import message_from_bytes, policy

import eventlet
import pytest
from sqlalchemy import select

from deploy.local.process import wait_until
from services.notification.couriers import letters
from services.notification.couriers.letters import LetterCourier
from services.notification.couriers.webhooks import WebhookCourier
from shared.spine.tables import outbox
from tests.notification.ends import CONTACT, Post, consume


def test_a_webhook_is_signed_as_standard_webhooks_wants_it(bench, said, receiver):
    subscriber = bench.subscribe("webhook", receiver.url)
    bench.receive(said.on_the_wire("project.revoked", 3))
    ((path, headers, body),) = receiver.requests
    (delivery,) = bench.deliveries()
    key = base64.b64decode(subscriber["secret"].removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mac = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert path == "/hook"
    assert headers["webhook-signature"] == f"v1,{mac}"
    assert headers["webhook-id"] == delivery["id"]
    assert headers["Content-Type"] == "application/json"
    told = json.loads(body)
    assert (told["type"], told["rehearsal"]) == ("project.revoked", True)
    assert told["data"]["project"] == said.PROJECT
    assert told["data"]["notice"] == "LAUREL-2020-0001"
    assert told["data"]["decision"]["ground"] == "inspection_failed"


def test_a_letter_says_it_in_both_languages_and_that_it_is_a_rehearsal(bench, said, mailbox):
    bench.subscribe("letter", CONTACT)
    bench.receive(said.on_the_wire("project.revoked", 3))
    ((content,), (recipients,)) = mailbox.taken, mailbox.recipients
    message = message_from_bytes(content, policy=policy.SMTP)
    (delivery,) = bench.deliveries()
    assert recipients == [CONTACT]
    assert message["From"] == "laurel@ministry.example"
    assert message["Message-ID"] == f"<{delivery['id']}@ministry.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Subject"].startswith("演练 Rehearsal: 撤销示范项目资格通报 Designation revoked")
    text = message.get_content()
    assert "通报〔2020〕第1号" in text
    assert "Circular No. 1 of 2020" in text
    assert "/circulars/LAUREL-2020-0001" in text


def test_a_redirection_is_not_followed(revoked, post, receiver):
    receiver.status, receiver.location = 302, receiver.url.replace("/hook", "/elsewhere")
    post.send(WebhookCourier)
    assert [path for path, _headers, _body in receiver.requests] == ["/hook"]
    assert post.log() == [(1, "http-302", "the receiver did not take it")]


def test_a_receiver_that_stays_silent_is_a_timeout(revoked, post, receiver):
    receiver.silence = threading.Event()
    post.send(WebhookCourier)
    receiver.silence.set()
    assert post.log() == [(1, "timeout", "the receiver did not answer in time")]
    assert post.delivery().state == "waiting"


def test_a_receiver_that_speaks_a_byte_at_a_time_is_a_timeout(revoked, post, receiver):
    receiver.drips = True
    post.send(WebhookCourier)
    assert post.log() == [(1, "timeout", "the receiver did not answer in time")]


def test_a_receiver_has_one_webhook_at_a_time_and_holds_up_no_other(
    bench, said, revoked, post, receiver, other_receiver
):
    other_receiver.status = 503
    bench.subscribe("webhook", other_receiver.url)
    bench._publish(said.on_the_wire("project.reinstated", 4, epoch=2))
    consume(bench, 3)
    receiver.requests.clear()
    other_receiver.requests.clear()
    other_receiver.status, receiver.silence = 204, threading.Event()
    patient = post.told(LAUREL_WEBHOOK_TIMEOUT_SECONDS="60")
    threads = [threading.Thread(target=patient.send, args=[WebhookCourier]) for _ in range(2)]
    for thread in threads:
        thread.start()
    wait_until(lambda: receiver.requests and other_receiver.requests, 60, "both receivers")
    assert post.send(WebhookCourier) == 0
    assert len(receiver.requests) == 1
    receiver.silence.set()
    for thread in threads:
        thread.join()
    assert len(receiver.requests) == 2


def test_an_address_is_looked_at_again_when_it_is_connected_to(revoked, post, receiver):
    strict = post.told(LAUREL_WEBHOOK_NETWORKS="10.0.0.0/8")
    strict.send(WebhookCourier)
    assert receiver.requests == []
    assert post.log() == [(1, "not-public", "the receiver's address is not one to be sent to")]
    assert post.delivery().state == "waiting"


def test_an_address_that_is_silent_leaves_the_next_its_time(revoked, post, receiver, monkeypatch):
    port = int(receiver.url.rsplit(":")[-1].partition("/")[0])
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{n}", port)) for n in (2, 1)]
    with socket.socket() as silent, socket.socket() as first, socket.socket() as second:
        silent.bind(("127.0.0.2", port))
        silent.listen(0)
        for one in (first, second):  # its backlog is full: whoever asks hears nothing
            one.setblocking(False)
            one.connect_ex(("127.0.0.2", port))
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: found)
        post.told(LAUREL_WEBHOOK_TIMEOUT_SECONDS="4").send(WebhookCourier)
    assert len(receiver.requests) == 1


def test_a_name_that_nobody_can_look_up_in_time_is_a_timeout(revoked, post, receiver, monkeypatch):
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_k: eventlet.sleep(60))
    sending = threading.Thread(target=post.send, args=[WebhookCourier])  # with a hub of its own
    sending.start()
    sending.join()
    assert post.log() == [(1, "timeout", "the receiver did not answer in time")]


class Broken(WebhookCourier):
    """Meets something that nobody thought of."""

    def send(self, parcel):
        raise KeyError(parcel.address)


def test_whatever_a_courier_raises_is_that_delivery_s_failure(
    revoked, post, receiver, capfd, caplog
):
    assert post.send(Broken) == 1
    assert post.log() == [(1, "internal-error", "a fault of ours; the log has it")]
    assert post.delivery().state == "waiting"
    captured = capfd.readouterr()
    logged = captured.out + captured.err + caplog.text
    assert "delivery-failed" in logged
    assert receiver.url not in logged


def test_a_receiver_that_is_not_there_is_tried_again(bench, said, post):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        bench.subscribe("webhook", f"http://127.0.0.1:{taken.getsockname()[1]}/hook")
        bench._publish(said.on_the_wire("project.revoked", 3))
        consume(bench)
        post.send(WebhookCourier)
    assert post.log() == [(1, "no-connection", "the receiver could not be reached")]
    assert post.delivery().state == "waiting"


@pytest.mark.parametrize(
    ("reply", "code", "state"),
    [
        ("550 no such user", "smtp-550", "failed"),
        ("554 no", "smtp-554", "failed"),
        ("550 5.7.1 relaying denied", "smtp-550", "waiting"),
        ("530 5.7.0 authenticate first", "smtp-530", "waiting"),
        ("451 later", "smtp-451", "waiting"),
        ("452 full", "smtp-452", "waiting"),
    ],
)
def test_a_mail_server_s_refusal_is_final_or_not_as_it_says(
    letter, post, mailbox, reply, code, state
):
    mailbox.reply = reply
    post.send(LetterCourier)
    assert post.log() == [(1, code, "the mail server refused the letter")]
    assert post.delivery().state == state
    assert "letter" not in post.outlets()
    assert len(post.bench.recorded("notice.failed")) == (state == "failed")


def test_a_mail_server_that_is_silent_or_away_is_tried_again(letter, bench, mailbox, monkeypatch):
    monkeypatch.setattr(letters, "SMTP_TIMEOUT_SECONDS", 0.2)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        post = Post(bench, mailbox, LAUREL_SMTP_URL=f"smtp://127.0.0.1:{mute.getsockname()[1]}")
        post.send(LetterCourier)
    post.let_time_pass()
    post.send(LetterCourier)
    words = "the mail server cannot be used at present"
    assert post.log() == [(1, "no-connection", words), (2, "no-connection", words)]
    assert post.delivery().state == "waiting"


DRIPPING = """
import warnings; warnings.simplefilter("ignore")
import eventlet; eventlet.monkey_patch()
import sys
from services.notification.commands.deliveries import Parcel
from services.notification.couriers import letters
from shared.settings import Settings
letters.SMTP_TIMEOUT_SECONDS = 0.5
settings = Settings.from_environ({"LAUREL_SMTP_URL": sys.argv[1]})
content = {"subject": "a", "text": "b", "path": "/c"}
with letters.LetterCourier(settings, "system") as courier:
    print(courier.send(Parcel("1", 1, "s", "li@example.org", content)).code)
"""


@pytest.mark.parametrize("greeting", [b"", b"220 a\r\n"])
def test_a_mail_server_that_speaks_a_byte_at_a_time_is_given_up(greeting):
    def drip():
        line, _address = server.accept()
        with line, suppress(OSError):
            line.sendall(greeting)
            while True:
                line.sendall(b"2")
                pause.wait(0.1)

    pause = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        threading.Thread(target=drip, daemon=True).start()
        url = f"smtp://127.0.0.1:{server.getsockname()[1]}"
        command = [sys.executable, "-c", DRIPPING, url]  # green, as a service runs
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("no-connection\n", "")


def test_a_wrong_address_of_our_own_mail_server_is_not_the_addressee_s_fault(
    letter, bench, mailbox
):
    for url in (
        mailbox.url.replace("smtp:", "smtp+starttls:"),
        mailbox.url.replace("://", "://li:wrong@"),
    ):
        post = Post(bench, mailbox, LAUREL_SMTP_URL=url)
        post.send(LetterCourier)
        post.let_time_pass()
    words = "the mail server cannot be used at present"
    assert post.log() == [(1, "no-connection", words), (2, "no-connection", words)]
    assert post.delivery().state == "waiting"


def test_a_letter_to_a_chinese_domain_goes_to_its_ascii_form(bench, said, mailbox):
    bench.subscribe("letter", "li@例子.中国")
    bench.receive(said.on_the_wire("project.revoked", 3))
    assert mailbox.recipients == [["li@xn--fsqu00a.xn--fiqs8s"]]


def test_one_connection_carries_all_the_letters_of_a_round(bench, said, mailbox):
    for name in "abc":
        bench.subscribe("letter", f"{name}@undertaker.example")
    bench.receive(said.on_the_wire("project.revoked", 3))
    assert sorted(mailbox.recipients) == [[f"{name}@undertaker.example"] for name in "abc"]


def test_no_address_secret_or_answer_of_a_receiver_leaks(
    bench, said, mailbox, receiver, capfd, caplog
):
    address = receiver.url + "?token=hidden-in-the-url"
    secret = bench.subscribe("webhook", address)["secret"]
    bench.subscribe("letter", "subscriber@hidden.example")
    mailbox.reply, receiver.status = "550 <contact@undertaker.example> is unknown here", 410
    bench.receive(
        said.on_the_wire("application.submitted", 1, epoch=0),
        said.on_the_wire("project.revoked", 3),
    )
    assert {item["state"] for item in bench.deliveries()} == {"failed"}
    with bench.laurel.session("notification") as session:
        bodies = session.scalars(select(outbox.c.body)).all()
    sent = [body.decode() for body in bodies if b'"/laurel/notification"' in body]
    shown = [
        bench.http.get(f"/v1/deliveries/{item['id']}", headers=bench.official).text
        for item in bench.deliveries()
    ]
    captured = capfd.readouterr()
    text = "\n".join([*sent, *shown, captured.out, captured.err, caplog.text])
    assert len(sent) >= 6
    for hidden in (CONTACT, "hidden.example", "hidden-in-the-url", secret, "is unknown here"):
        assert hidden not in text
