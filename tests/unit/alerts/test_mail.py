"""Mail to a real SMTP server on this machine (aiosmtpd)."""

from __future__ import annotations

import dataclasses
import email
import email.policy
from pathlib import Path

import pytest
from support.alerts import Clock, incident, moment, verdict
from support.mail_server import PASSWORD, USER, mail_server, write_certificate

from trueserve.transforms.alerts.deliver import deliver
from trueserve.transforms.alerts.receivers.mail import Mail
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.sending import Delivery
from trueserve.transforms.alerts.settings import AlertSettings

pytest.importorskip("aiosmtpd", reason="aiosmtpd, of the test requirements, is not installed: run make")
ADDRESSES = ("team@example.com", "night@example.com")


def night(output: Path, mail: Mail, name: str = "mail", day: int = 1) -> Delivery:
    document = verdict(day, incident(title="ø <b>fare</b>\r\nBcc: all@example.com"))
    environment = {"PASSWORD": PASSWORD, "WRONG": "pa55word-that-is-wrong"}
    settings = [AlertSettings(name, mail)]
    pace = Clock().pace()
    return deliver(str(output), [document], settings, moment(day), environment=environment, pace=pace)[0]


def open_mail(port: int) -> Mail:
    return Mail("127.0.0.1", "skew@example.com", ADDRESSES, port, security="none")


def test_mail_arrives_at_all_addresses(tmp_path: Path) -> None:
    with mail_server() as box:
        assert night(tmp_path, open_mail(box.port)) == Delivery("mail", sent=1)
    ((addresses, content),) = box.mails
    assert addresses == list(ADDRESSES)
    mail = email.message_from_bytes(content, policy=email.policy.default)
    assert mail["To"] == "team@example.com, night@example.com"
    assert mail["Subject"].endswith(": error, new: ø <b>fare</b>\\r\\nBcc: all@example.com")
    assert mail["Bcc"] is None
    assert "Serve it as in training." in mail.get_content()


def test_password_goes_by_starttls_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = write_certificate(tmp_path / "server.pem")
    with mail_server(certificate=certificate) as box:
        mail = dataclasses.replace(
            open_mail(box.port), security="starttls", user=USER, password=Secret("env:PASSWORD")
        )
        # Nobody vouches for the certificate: the password is not sent.
        report = night(tmp_path, mail, "stranger")
        assert (report.undelivered, box.mails) == (1, [])
        assert "certificate" in report.problems[0].lower()
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert night(tmp_path, mail, "known").sent == 1
        wrong = dataclasses.replace(mail, password=Secret("env:WRONG"))
        report = night(tmp_path, wrong, "wrong")
        assert report.problems == ("the mail server: 535 5.7.8 Authentication credentials invalid",)
    assert len(box.mails) == 1
    assert b"pa55word" not in b"".join(path.read_bytes() for path in (tmp_path / "alerts").glob("*.json"))


def test_server_that_is_busy_is_asked_again_and_one_that_refuses_is_not(tmp_path: Path) -> None:
    with mail_server("451 try later", "452 still full") as box:
        assert night(tmp_path, open_mail(box.port), "busy").sent == 1
        assert len(box.mails) == 1
    with mail_server("554 no, \x1b[31m never") as box:
        report = night(tmp_path, open_mail(box.port), "never")
        assert (report.undelivered, box.mails) == (1, [])
        assert report.problems[0].startswith("the mail server: 554 no, ")
        assert "\x1b" not in report.problems[0]
        # The dead letter is sent by the next run, with the same Message-ID.
        assert night(tmp_path, open_mail(box.port), "never", day=2).sent == 1


def test_some_addresses_that_are_refused_are_said_and_not_tried_again(tmp_path: Path) -> None:
    with mail_server() as box:
        mail = dataclasses.replace(open_mail(box.port), addresses=("team@example.com", "nobody@example.com"))
        report = night(tmp_path, mail)
        assert (report.sent, report.undelivered) == (1, 0)
        assert report.problems == ("the mail server refused 1 of 2 addresses",)
        nobody = dataclasses.replace(mail, addresses=("nobody@example.com",))
        report = night(tmp_path, nobody, "nobody")
        assert (report.sent, report.undelivered) == (0, 1)
        assert report.problems == ("the mail server: 550 5.1.1 no such user",)


def test_no_server_is_a_dead_letter(tmp_path: Path) -> None:
    with mail_server() as box:
        port = box.port
    report = night(tmp_path, open_mail(port))
    assert report.undelivered == 1
    assert report.problems == ("the mail server: Connection refused",)
