"""Google's storage and Dataflow, as far as the commands call them: an HTTP server on this machine.

The clients are Google's own. Objects are kept in memory. A job that is created is kept as it came;
what is to be done with it is up to the test.
"""

from __future__ import annotations

import base64
import concurrent.futures
import contextlib
import dataclasses
import json
import re
import threading
import urllib.parse
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import google_crc32c

BUCKET = "rides"
_WRITTEN = "2026-01-01T00:00:00.000Z"
_OBJECT = re.compile(r"(/download)?/storage/v1/b/([^/]+)/o/([^/]+)")
_COPY = re.compile(r"/storage/v1/b/[^/]+/o/([^/]+)/(?:copyTo|rewriteTo)/b/[^/]+/o/([^/]+)")
_REQUEST = re.compile(rb"^(DELETE|POST) (\S+) HTTP/1.1\r?$", re.MULTILINE)
# What a machine of Google's tells its programs: who they are.
_ACCOUNTS = "/computeMetadata/v1/instance/service-accounts"
_EMAIL = "made-up@example.com"
# A client that has learnt the account's name asks for it by that, when two of its threads want a token.
_OF_ACCOUNT = {
    f"{_ACCOUNTS}/{account}/{name}": text
    for account in ("default", _EMAIL)
    for name, text in {
        "": json.dumps({"email": _EMAIL, "scopes": ["all"]}),
        "token": '{"access_token": "made-up", "expires_in": 3600, "token_type": "Bearer"}',
    }.items()
}
_METADATA = {
    "": "",
    "/": "",
    "/computeMetadata/v1/project/project-id": "p",
    "/computeMetadata/v1/universe/universe-domain": "googleapis.com",
    **_OF_ACCOUNT,
}

_LONGEST_ANSWER = 20.0  # seconds
_POOL = concurrent.futures.ThreadPoolExecutor(1)

Json = dict[str, Any]


@dataclasses.dataclass
class Cloud:
    """What is there.

    Attributes:
      objects: those of the bucket, by name.
      jobs: requests to create a job, in order.
      unknown: requests that the server does not know, none if all is well.
      on_job: called with each job, which is done when it returns.
      work: the last job's.
    """

    endpoint: str = ""
    objects: dict[str, bytes] = dataclasses.field(default_factory=dict)
    jobs: list[Json] = dataclasses.field(default_factory=list)
    unknown: list[str] = dataclasses.field(default_factory=list)
    on_job: Callable[[Json], None] = lambda job: None
    work: concurrent.futures.Future[None] | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which Google's clients get here, and take this machine for one of Google's."""
        address = self.endpoint.removeprefix("http://")
        metadata = {"GCE_METADATA_HOST": address, "GCE_METADATA_IP": address}
        return {"STORAGE_EMULATOR_HOST": self.endpoint, **metadata}

    def upload(self, folder: Path, name: str) -> str:
        """Every file below a folder, below `name` in the bucket."""
        for path in (path for path in folder.rglob("*") if path.is_file()):
            self.objects[f"{name}/{path.relative_to(folder)}"] = path.read_bytes()
        return f"gs://{BUCKET}/{name}"

    def read(self, url: str) -> bytes:
        """The object of a `gs://` URL, also as Dataflow writes it."""
        return self.objects[re.sub(rf"^(gs://|storage.googleapis.com/){BUCKET}/", "", url)]

    def metadata(self, name: str) -> Json:
        """What storage says of an object."""
        data = self.objects[name]
        crc32c = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
        times = {"updated": _WRITTEN, "timeCreated": _WRITTEN}
        return {"name": name, "bucket": BUCKET, "size": str(len(data)), "crc32c": crc32c} | times


@contextlib.contextmanager
def cloud() -> Iterator[Cloud]:
    """A server with an empty bucket."""
    kept = Cloud()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(kept))
    kept.endpoint = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield kept
    finally:
        server.shutdown()
        server.server_close()


def _handler(kept: Cloud) -> type[BaseHTTPRequestHandler]:
    return type("Handler", (_Handler,), {"cloud": kept, "uploads": {}})


class _Handler(BaseHTTPRequestHandler):
    cloud: Cloud
    uploads: dict[str, bytes]
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if match := _OBJECT.fullmatch(url.path):
            self._get_object(urllib.parse.unquote(match[3]), is_content=bool(match[1]) or "alt" in query)
        elif url.path in _METADATA:
            self._send_metadata(_METADATA[url.path])
        elif url.path == f"/storage/v1/b/{BUCKET}/o":
            names = sorted(name for name in self.cloud.objects if name.startswith(query.get("prefix", "")))
            self._answer({"items": [self.cloud.metadata(name) for name in names]})
        elif url.path == f"/storage/v1/b/{BUCKET}":
            self._answer({"name": BUCKET, "id": BUCKET, "location": "EU"})
        elif re.fullmatch(r"/v1b3/projects/\w+/locations/\w+/jobs/[\w-]+", url.path):
            self._answer({"id": url.path.rsplit("/", 1)[1], "currentState": self._state()})
        elif re.fullmatch(r"/v1b3/projects/\w+/locations/\w+/jobs/[\w-]+/(messages|metrics)", url.path):
            self._answer({})
        else:
            self._refuse()

    def do_POST(self) -> None:
        url = urllib.parse.urlsplit(self.path)
        query, body = dict(urllib.parse.parse_qsl(url.query)), self._body()
        if url.path == f"/upload/storage/v1/b/{BUCKET}/o":
            self._begin_upload(query, body)
        elif match := _COPY.fullmatch(url.path):
            self._copy(*map(urllib.parse.unquote, match.groups()))
        elif url.path == "/batch/storage/v1":
            self._batch(body)
        elif re.fullmatch(r"/v1b3/projects/\w+/locations/\w+/jobs", url.path):
            self._create_job(json.loads(body))
        else:
            self._refuse()

    def do_PUT(self) -> None:
        name, data = urllib.parse.unquote(self.path.split("upload_id=", 1)[1]), self._body()
        self.uploads[name] = self.uploads.get(name, b"") + data
        if self.headers["Content-Range"].endswith("/*"):  # there is more
            self._send(308, b"", {"Range": f"bytes=0-{len(self.uploads[name]) - 1}"})
            return
        self.cloud.objects[name] = self.uploads.pop(name)
        self._answer(self.cloud.metadata(name))

    def do_DELETE(self) -> None:
        match = _OBJECT.fullmatch(urllib.parse.urlsplit(self.path).path)
        if match is None:
            self._refuse()
        elif self.cloud.objects.pop(urllib.parse.unquote(match[3]), None) is None:
            self._answer({"error": {"code": 404, "message": "Not Found"}}, 404)
        else:
            self._send(204, b"")

    def _send_metadata(self, text: str) -> None:
        kind = "application/json" if text.startswith("{") else "application/text"
        self._send(200, text.encode(), {"Metadata-Flavor": "Google", "Content-Type": kind})

    def _get_object(self, name: str, is_content: bool) -> None:
        if name not in self.cloud.objects:
            self._answer({"error": {"code": 404, "message": "Not Found"}}, 404)
        elif not is_content:
            self._answer(self.cloud.metadata(name))
        else:
            self._send_content(self.cloud.objects[name])

    def _send_content(self, data: bytes) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self._send(200, data)
            return
        start, end = int(wanted[1]), min(int(wanted[2] or len(data)), len(data) - 1)
        if start >= len(data):
            self._send(416, b"", {"Content-Range": f"bytes */{len(data)}"})
            return
        self._send(206, data[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(data)}"})

    def _begin_upload(self, query: Json, body: bytes) -> None:
        if query["uploadType"] == "resumable":
            name = urllib.parse.quote(query.get("name") or json.loads(body)["name"], safe="")
            location = f"{self.cloud.endpoint}/upload/storage/v1/b/{BUCKET}/o?upload_id={name}"
            self._send(200, b"", {"Location": location})
            return
        boundary = re.search(r'boundary="?([^"]+)', self.headers["Content-Type"])
        assert boundary is not None
        _, about, content, _ = body.split(b"--" + boundary[1].encode())
        name = json.loads(about.split(b"\r\n\r\n", 1)[1])["name"]
        self.cloud.objects[name] = content.split(b"\r\n\r\n", 1)[1].removesuffix(b"\r\n")
        self._answer(self.cloud.metadata(name))

    def _copy(self, source: str, target: str) -> None:
        if source not in self.cloud.objects:
            self._answer({"error": {"code": 404, "message": "Not Found"}}, 404)
            return
        self.cloud.objects[target] = self.cloud.objects[source]
        self._answer({"done": True, "resource": self.cloud.metadata(target)} | self.cloud.metadata(target))

    def _batch(self, body: bytes) -> None:
        """Many deletions or copies in one request, each with an answer of its own."""
        answers = []
        for method, path in _REQUEST.findall(body):
            url = urllib.parse.urlsplit(path.decode()).path
            if method == b"DELETE" and (match := _OBJECT.fullmatch(url)):
                known = self.cloud.objects.pop(urllib.parse.unquote(match[3]), None) is not None
            elif match := _COPY.fullmatch(url):
                source, target = map(urllib.parse.unquote, match.groups())
                if known := source in self.cloud.objects:
                    self.cloud.objects[target] = self.cloud.objects[source]
            else:
                self.cloud.unknown.append(url)
                known = False
            status = b"200 OK" if known else b"404 Not Found"
            answers.append(
                b"Content-Type: application/http\r\n\r\nHTTP/1.1 "
                + status
                + b"\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}\r\n"
            )
        content = b"".join(b"--limit\r\n" + answer for answer in answers) + b"--limit--\r\n"
        self._send(200, content, {"Content-Type": "multipart/mixed; boundary=limit"})

    def _create_job(self, job: Json) -> None:
        self.cloud.jobs.append(job)
        self.cloud.work = _POOL.submit(self.cloud.on_job, job)
        self._answer({"id": f"job-{len(self.cloud.jobs)}", "clientRequestId": job["clientRequestId"]})

    def _state(self) -> str:
        """How the last job is; clients wait for an answer no longer than a minute."""
        assert self.cloud.work is not None
        try:
            failed = self.cloud.work.exception(timeout=_LONGEST_ANSWER)
        except concurrent.futures.TimeoutError:
            return "JOB_STATE_RUNNING"
        return "JOB_STATE_DONE" if failed is None else "JOB_STATE_FAILED"

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _chunk(self) -> bytes:
        data = self.rfile.read(int(self.rfile.readline(), 16))
        self.rfile.readline()
        return data

    def _answer(self, content: Json, status: int = 200) -> None:
        self._send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _refuse(self) -> None:
        self.cloud.unknown.append(f"{self.command} {self.path}")
        self._answer({"error": {"code": 501, "message": "not known here"}}, 400)

    def _send(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
