"""Pages as pictures: a headless Chromium that is told what to show over a pipe, without a package of its own."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--hide-scrollbars",
    # Surfaces are drawn without a graphics card, too.
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--remote-debugging-pipe",
)
_PATIENCE_S = 60.0


class Browser:
    """One tab, spoken to in the DevTools protocol: a JSON message each way, ended by a zero byte."""

    def __init__(self, write_to: int, read_from: int) -> None:
        self._write_to, self._read_from = write_to, read_from
        self._rest, self._count, self._session = b"", 0, ""
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]

    def open(self, page: Path, width: int, height: int, dark: bool = False, script: bool = True) -> None:
        """Show a page in a window of that size; script: whether its JavaScript runs."""
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self._call("Emulation.setEmulatedMedia", features=scheme)
        self._call("Emulation.setScriptExecutionDisabled", value=not script)
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self._call("Page.navigate", url=page.resolve().as_uri())
        self.wait_for("document.readyState === 'complete'")

    def run(self, code: str) -> Any:
        """The value of an expression on the page."""
        answer = self._call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise ValueError(f"{code}: {answer['exceptionDetails']['exception']['description']}")
        return answer["result"].get("value")

    def wait_for(self, code: str) -> None:
        """Until an expression is true on the page; raises TimeoutError."""
        until = time.monotonic() + _PATIENCE_S
        while not self.run(code):
            if time.monotonic() > until:
                raise TimeoutError(f"the page never came to: {code}")
            time.sleep(0.1)

    def picture(self, place: Sequence[float] | None = None) -> bytes:
        """PNG of what the window shows; place: x, y, width, height of a part of the page, which need not be in it."""
        more: dict[str, Any] = {}
        if place is not None:
            clip = dict(zip(("x", "y", "width", "height"), place, strict=True), scale=1)
            more = {"clip": clip, "captureBeyondViewport": True}
        return base64.b64decode(self._call("Page.captureScreenshot", format="png", **more)["data"])

    def place_of(self, selector: str, room: float = 0) -> list[float]:
        """Where on the page the first element that a selector names is: x, y, width, height, with room around."""
        found = self.run(
            f"(() => {{ const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();"
            " return [box.x + scrollX, box.y + scrollY, box.width, box.height]; })()"
        )
        x, y, width, height = found
        return [x - room, y - room, width + 2 * room, height + 2 * room]

    def _call(self, method: str, **parameters: Any) -> Any:
        self._count += 1
        message: dict[str, Any] = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write_to, json.dumps(message).encode() + b"\0")
        while True:
            answer = json.loads(self._next())
            # The rest tells of events.
            if answer.get("id") == self._count:
                if "error" in answer:
                    raise ValueError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def _next(self) -> bytes:
        while b"\0" not in self._rest:
            part = os.read(self._read_from, 1 << 20)
            if not part:
                raise OSError("the browser ended before its answer")
            self._rest += part
        message, _, self._rest = self._rest.partition(b"\0")
        return message


def installed_browser() -> str | None:
    """The command of a Chromium that is there, or None."""
    return next((path for path in map(shutil.which, BROWSERS) if path), None)


@contextmanager
def browser(command: str) -> Iterator[Browser]:
    """A browser that ends with the context."""
    theirs_in, ours_out = os.pipe()
    ours_in, theirs_out = os.pipe()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        # Chromium reads messages from its file 3 and answers on its file 4.
        started = subprocess.Popen(
            [
                "sh",
                "-c",
                f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}',
                "sh",
                command,
                *_FLAGS,
                f"--user-data-dir={profile}",
            ],
            pass_fds=(theirs_in, theirs_out),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            os.close(theirs_in)
            os.close(theirs_out)
            yield Browser(ours_out, ours_in)
        finally:
            os.close(ours_out)
            os.close(ours_in)
            started.terminate()
            started.wait()
