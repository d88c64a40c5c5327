"""A real browser for tests of pages: Chromium, driven over a pipe by its DevTools protocol.

Nothing but Chromium is needed, and no port is opened. A page is loaded from its file; what it says in the
console, asks of any network, or shows as a dialog is kept.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import itertools
import json
import os
import select
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# The last one is for a machine whose browser has another name.
NAMES = ("chromium", "chromium-browser", "google-chrome", os.environ.get("TRUESERVE_CHROMIUM", ""))
PATIENCE = 60.0  # seconds that an answer may take; a slow machine starts a browser in ten
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe"),
    *("--disable-background-networking", "--disable-component-update", "--no-first-run", "--disable-sync"),
    *("--force-device-scale-factor=1", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND"),
)
_KEYS = {
    "Enter": 13,
    "Tab": 9,
    "Escape": 27,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


def chromium() -> str | None:
    """Where the browser is; None where there is none."""
    return next((path for name in NAMES if name and (path := shutil.which(name))), None)


class Pipe:
    """Messages to the browser and from it, each a JSON document that ends with a zero byte."""

    def __init__(self, profile: str) -> None:
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        self._process = _started(profile, to_browser, from_browser)
        os.close(to_browser)
        os.close(from_browser)
        self._received = b""

    def send(self, message: Json) -> None:
        os.write(self._write, json.dumps(message).encode() + b"\0")

    def receive(self) -> Json:
        """The next message. Raises TimeoutError after `PATIENCE`, EOFError where the browser has gone."""
        until = time.monotonic() + PATIENCE
        while b"\0" not in self._received:
            if not select.select([self._read], [], [], max(until - time.monotonic(), 0))[0]:
                raise TimeoutError(f"the browser is silent for {PATIENCE} s")
            received = os.read(self._read, 1 << 20)
            if not received:
                raise EOFError("the browser ended")
            self._received += received
        message, _, self._received = self._received.partition(b"\0")
        document: Json = json.loads(message)
        return document

    def close(self) -> None:
        """Ends the browser with all its processes, which are a group of their own."""
        os.close(self._write)
        os.close(self._read)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


def _started(profile: str, to_browser: int, from_browser: int) -> int:
    """The browser's process, the first of its group. It reads descriptor 3 and writes 4."""
    # By way of others above these, lest one overwrite the other.
    reads, writes = (fcntl.fcntl(each, fcntl.F_DUPFD, 10) for each in (to_browser, from_browser))
    nothing = [(os.POSIX_SPAWN_OPEN, each, os.devnull, os.O_RDWR, 0) for each in range(3)]
    pipes = [(os.POSIX_SPAWN_DUP2, reads, 3), (os.POSIX_SPAWN_DUP2, writes, 4)]
    command = [str(chromium()), *_FLAGS, f"--user-data-dir={profile}", "about:blank"]
    process = os.posix_spawn(command[0], command, os.environ, file_actions=[*nothing, *pipes], setpgroup=0)
    os.close(reads)
    os.close(writes)
    return process


class Browser:
    """One page at a time, in a profile of its own.

    Attributes:
      complaints: errors and warnings of the console, exceptions, and dialogs of the page that is open.
      requests: what it asked for, but for the page itself.
    """

    def __init__(self, profile: str) -> None:
        self._pipe = Pipe(profile)
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self._loaded = False
        self._address = ""
        self.size = (1280, 900)
        self.complaints: list[str] = []
        self.requests: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")

    def close(self) -> None:
        self._pipe.close()

    def call(self, method: str, **parameters: Any) -> Json:
        """A command's result. Raises RuntimeError for one that the browser refuses."""
        number = next(self._numbers)
        session = {} if self._session is None else {"sessionId": self._session}
        self._pipe.send({"id": number, "method": method, "params": parameters, **session})
        while True:
            message = self._pipe.receive()
            if message.get("id") != number:
                self._note(message)
            elif "error" in message:
                raise RuntimeError(f"{method}: {message['error']}")
            else:
                result: Json = message["result"]
                return result

    def _note(self, message: Mapping[str, Any]) -> None:
        given = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._loaded = True
            case "Network.requestWillBeSent" if given["request"]["url"].partition("#")[0] != self._address:
                self.requests.append(given["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(json.dumps(given["exceptionDetails"]))
            case "Runtime.consoleAPICalled":
                self.complaints.append(f"console: {given['args']}")
            case "Log.entryAdded":
                self.complaints.append(f"{given['entry']['level']}: {given['entry']['text']}")
            case "Page.javascriptDialogOpening":
                self.complaints.append(f"dialog: {given['message']}")
                self._pipe.send(
                    {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
                    | {"sessionId": self._session}
                )

    def show(self, folder: Path, html: bytes, width: int = 1280) -> Browser:
        """Writes a report.html, and loads it; itself."""
        path = folder / "report.html"
        path.write_bytes(html)
        self.look()
        self.open(path, width)
        self.drawn()
        return self

    def open(self, path: Path, width: int = 1280, height: int = 900, fragment: str = "") -> None:
        """Loads a file, in a window of so many CSS pixels."""
        self.complaints, self.requests, self._loaded = [], [], False
        self._address = path.resolve().as_uri()
        self.resize(width, height)
        self.call("Page.navigate", url="about:blank")
        self._until_loaded()
        self._loaded = False
        self.call("Page.navigate", url=self._address + fragment)
        self._until_loaded()

    def _until_loaded(self) -> None:
        while not self._loaded:
            self._note(self._pipe.receive())

    def resize(self, width: int, height: int) -> None:
        self.size = (width, height)
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def look(self, *, dark: bool = False, media: str = "") -> None:
        """How the page is shown from now on: in a dark scheme, for `print`."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, as JSON. Raises RuntimeError where it throws."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def drawn(self) -> None:
        """Waits until what was changed is on the screen."""
        self.evaluate(
            "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        )

    def write(self, text: str) -> None:
        """Into whatever has the focus."""
        self.call("Input.insertText", text=text)
        self.drawn()

    def press(self, key: str, *, shift: bool = False) -> None:
        code = _KEYS.get(key, ord(key[0].upper()))
        text = {"text": "\r"} if key == "Enter" else {"text": key} if len(key) == 1 else {}
        event = {"key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self.call("Input.dispatchKeyEvent", type="keyDown", **event, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **event)
        self.drawn()

    def point(self, selector: str, x: float = 0.5, y: float = 0.5, *, click: bool = False) -> None:
        """Moves the mouse over an element, to a share (0 to 1) of its width and height."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.evaluate(f"{element}.scrollIntoView({{block: 'center'}})")
        self.drawn()
        box = self.evaluate(f"(b => [b.x, b.y, b.width, b.height])({element}.getBoundingClientRect())")
        where = {"x": box[0] + x * box[2], "y": box[1] + y * box[3]}
        self.call("Input.dispatchMouseEvent", type="mouseMoved", **where)
        if click:
            for kind in ("mousePressed", "mouseReleased"):
                self.call("Input.dispatchMouseEvent", type=kind, button="left", clickCount=1, **where)
        self.drawn()

    def accessible(self) -> list[Json]:
        """The nodes of the accessibility tree: what a screen reader is given."""
        nodes: list[Json] = self.call("Accessibility.getFullAXTree")["nodes"]
        return [node for node in nodes if not node.get("ignored")]

    def screenshot(self, path: Path, *, whole_page: bool = True, tallest: int = 16_000) -> None:
        """The page as a PNG, down to its end or to `tallest` pixels; what is drawn when seen is drawn."""
        width, height = self.size
        if whole_page:
            self.resize(width, min(self.evaluate("document.documentElement.scrollHeight"), tallest))
            self.drawn()
            self.resize(width, min(self.evaluate("document.documentElement.scrollHeight"), tallest))
            self.drawn()
        data = self.call("Page.captureScreenshot", format="png")["data"]
        self.resize(width, height)
        path.write_bytes(base64.b64decode(data))

    def printed(self, path: Path) -> None:
        """The page as a PDF of A4."""
        size = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": True}
        path.write_bytes(base64.b64decode(self.call("Page.printToPDF", **size)["data"]))


@contextlib.contextmanager
def browsing() -> Iterator[Browser]:
    """A browser that ends with the block. Raises FileNotFoundError where there is none."""
    if chromium() is None:
        raise FileNotFoundError(f"none of {', '.join(filter(None, NAMES))} is installed")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(profile)
        try:
            yield browser
        finally:
            browser.close()
