"""What each receiver gets: its form, its limits, and that a stranger's text stays text."""

from __future__ import annotations

import base64
import email
import email.policy
import json
import re
from typing import Any

import google.auth
import google.auth.exceptions
import pytest
from support.alerts import http_server, texts

from trueserve.transforms.alerts.message import Event, Message
from trueserve.transforms.alerts.receivers import mail, pagerduty, slack, teams, webhook
from trueserve.transforms.alerts.receivers.pagerduty import PagerDuty
from trueserve.transforms.alerts.receivers.pubsub import PubSub
from trueserve.transforms.alerts.receivers.receiver import to_bytes, url_problem
from trueserve.transforms.alerts.receivers.slack import Slack
from trueserve.transforms.alerts.receivers.teams import Teams
from trueserve.transforms.alerts.receivers.webhook import Webhook
from trueserve.transforms.alerts.secrets import Secret
from trueserve.transforms.alerts.transport import DeliveryError

HOSTILE = (
    '<!channel> <http://evil|click> *b* `c` [x](http://evil) "},{"a":1} ${id} &amp; \ud800 🔥 {{x}} <script>'
)


def event(number: int = 0, title: str = "error, new: fare moved", **fields: Any) -> Event:
    values = {"kind": "new", "subject": f"fare-{number:06x}", "severity": "error", **fields}
    return Event(f"key {number} {values['kind']}", title=title, start="2026-11-01T00:00:00Z", **values)


def message(*events: Event, series: str = "flights", **fields: Any) -> Message:
    return Message("0123456789abcdef01234567", series, "night", events or (event(),), **fields)


def longest() -> Message:
    """As long as a message can be: every character costs the most."""
    return message(*(event(n, "&" * 400, details="🔥<" * 500) for n in range(50)), series="&" * 80)


@pytest.mark.parametrize(
    ("payload", "most"), [(slack.payload, 100_000), (webhook.payload, 1 << 20), (teams.payload, 1 << 20)]
)
def test_every_payload_is_json_in_utf8(payload: Any, most: int) -> None:
    for each in (message(), message(event(title=HOSTILE, details=HOSTILE)), longest()):
        body = to_bytes(payload(each))
        assert len(body) < most
        assert json.loads(body.decode("utf-8"))


def test_slack_neither_links_nor_mentions_nor_formats_what_strangers_wrote() -> None:
    payload = slack.payload(message(event(title=HOSTILE, details=HOSTILE), series=HOSTILE))
    written = [text for text in texts(payload) if "evil" in text or "channel" in text]
    assert written
    for text in written:
        assert "<" not in text
        assert not re.search(r"&(?!amp;|lt;|gt;)", text)
        assert "*b*" not in text
        assert "`c`" not in text
    sections = [block["text"] for block in payload["blocks"] if block["type"] == "section"]
    assert all(text["verbatim"] for text in sections)


def test_slack_shows_names_that_can_be_copied() -> None:
    assert slack.escaped("trip_distance of a_1 is off") == "trip_distance of a_1 is off"
    for formatted in ("_a_", "x _a b_", "*a*", "~a~", "`a`", "__a__"):
        shown = slack.escaped(formatted)
        assert shown.replace("\u2060", "") == formatted
        assert "\u2060" in shown


def test_slack_has_its_limits() -> None:
    payload = slack.payload(longest())
    assert len(payload["blocks"]) <= 50
    assert all(len(block["text"]["text"]) <= 3000 for block in payload["blocks"] if "text" in block)
    assert len(payload["text"]) <= 40_000
    assert "and 30 events more" in str(payload["blocks"][-1])


def test_slack_links_the_page_and_nothing_that_was_cut() -> None:
    link = "https://pages.example/a%20b/report.html"
    (block,) = slack.payload(message(event(link=link)))["blocks"][1:-1]
    assert block["text"]["text"].endswith(f"<{link}|the page>")
    too_long = slack.payload(message(event(link=link + "x" * 3000)))["blocks"][1]["text"]["text"]
    assert "https" not in too_long


def test_teams_has_its_limit_and_shows_text_as_text() -> None:
    with http_server((202, {}, b"")) as server:
        Teams(Secret("env:U")).send(longest(), {"U": server.url})
    body = server.requests[0][2]
    assert len(body) <= 28 << 10
    (attachment,) = json.loads(body)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = teams.payload(message(event(title=HOSTILE)))["attachments"][0]["content"]
    # Only a TextBlock knows Markdown.
    assert {block["type"] for block in card["body"]} == {"RichTextBlock"}
    assert {run["type"] for block in card["body"] for run in block["inlines"]} == {"TextRun"}


def test_pagerduty_opens_and_closes_one_incident() -> None:
    opened = pagerduty.payload(message(event(link="https://p/r.html")), "key")
    worse = pagerduty.payload(message(event(kind="worse")), "key")
    closed = pagerduty.payload(message(event(kind="resolved")), "key")
    assert [each["event_action"] for each in (opened, worse, closed)] == ["trigger", "trigger", "resolve"]
    assert len({each["dedup_key"] for each in (opened, worse, closed)}) == 1
    assert opened["links"] == [{"href": "https://p/r.html", "text": "The page"}]
    assert opened["payload"]["severity"] in ("critical", "error", "warning", "info")
    others = (message(event(1)), message(series="other"))
    assert all(pagerduty.payload(each, "")["dedup_key"] != opened["dedup_key"] for each in others)


def test_pagerduty_has_its_limits() -> None:
    payload = pagerduty.payload(message(event(title="x" * 5000), series="s" * 5000), "key")
    assert len(payload["payload"]["summary"]) <= 1024
    assert len(payload["dedup_key"]) <= 255


def test_key_of_pagerduty_is_in_no_error() -> None:
    key = "R0UTINGKEY0123456789"
    answer = json.dumps({"message": f"invalid routing key {key}"}).encode()
    with http_server((400, {}, answer)) as server, pytest.raises(DeliveryError) as caught:
        PagerDuty(Secret("env:K"), server.url).send(message(), {"K": key})
    assert key not in str(caught.value)
    assert "invalid routing key [secret]" in str(caught.value)


def test_webhook_sends_the_document_with_its_id_and_secret_headers() -> None:
    hook = Webhook(Secret("env:U"), {"Authorization": Secret("env:T")})
    with http_server() as server:
        hook.send(message(is_repeat=True), {"U": server.url, "T": "Bearer s3cr3t"})
    ((_, headers, body),) = server.requests
    document = json.loads(body)
    assert headers["Idempotency-Key"] == document["id"] == "0123456789abcdef01234567"
    assert headers["Authorization"] == "Bearer s3cr3t"
    assert (document["format"], document["count"], document["is_repeat"]) == (1, 1, True)
    assert document["events"][0]["subject"] == "fare-000000"
    assert "with the same id" in document["text"]


def test_template_takes_text_as_text() -> None:
    template = {"a": "${title} / ${window_end}", "n": "${count}", "all": "${events}", "list": [1, "${id}"]}
    filled = webhook.payload(message(event(title=HOSTILE)), template)
    assert set(filled) == {"a", "n", "all", "list"}
    assert filled["a"] == f"flights: {HOSTILE} / "
    assert (filled["n"], filled["list"][0], len(filled["all"])) == (1, 1, 1)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.example/x",
        "ftp://h/x",
        "https:///x",
        "x",
        "http://[::1",
        "https://h:x/",
        "https://h/" + "x" * 2000,
    ],
)
def test_url_of_no_use_is_named_without_being_shown(url: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        Slack(Secret("env:U")).send(message(), {"U": url})
    assert str(caught.value).startswith("env:U: is ")
    assert not caught.value.may_pass
    assert url_problem("http://localhost:9/x") is url_problem("https://hooks.example/x") is None


def test_mail_is_plain_text_and_no_header_comes_from_a_name() -> None:
    hostile = message(event(title="x\r\nBcc: all@example.com\n\nbody " + HOSTILE), series="a\nX-Evil: 1")
    sent = mail.letter(hostile, "skew@example.com", ("team@example.com",))
    parsed = email.message_from_bytes(sent.as_bytes(), policy=email.policy.default)
    assert set(parsed.keys()) >= {"Subject", "From", "To", "Message-ID", "X-Trueserve-Alert-Id"}
    assert not {"Bcc", "X-Evil"} & set(parsed.keys())
    assert parsed.get_content_type() == "text/plain"
    assert "<script>" in parsed.get_content()
    assert parsed["Message-ID"] == "<0123456789abcdef01234567@example.com>"
    assert len(mail.letter(longest(), "a@b.c", ("a@b.c",))["Subject"]) <= 200


def test_pubsub_without_credentials_is_named_without_their_content(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(**_: object) -> None:
        error: Any = google.auth.exceptions.DefaultCredentialsError
        raise error('{"private_key": "s3cr3t"}')

    monkeypatch.setattr(google.auth, "default", refuse)
    with pytest.raises(DeliveryError, match=r"^no token of Google Cloud: DefaultCredentialsError$") as caught:
        PubSub("projects/p/topics/skew").send(message(), {})
    assert not caught.value.may_pass


def test_pubsub_message_has_attributes_to_filter_by() -> None:
    with http_server(path="") as server:
        host = server.url.removeprefix("http://")
        PubSub("projects/p/topics/skew").send(message(), {"PUBSUB_EMULATOR_HOST": host})
    ((path, _, body),) = server.requests
    assert path == "/v1/projects/p/topics/skew:publish"
    (sent,) = json.loads(body)["messages"]
    assert sent["attributes"]["id"] == json.loads(base64.b64decode(sent["data"]))["id"]
    assert all(isinstance(value, str) and len(value) < 1024 for value in sent["attributes"].values())
