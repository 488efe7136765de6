# SPDX-License-Identifier: MIT
"""Headless Chromium for a test, driven through chromedriver's WebDriver protocol (W3C WebDriver,
REC-webdriver1) with the standard library. Its profile is new and goes when it does, and nothing it
does needs a network.
"""
import base64
import http.client
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))
from patience import HARD, Patience, wait_readable  # noqa: E402

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
TIMEOUT = 60  # seconds that the browser may compute, or do nothing, before what is waited for
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--force-prefers-reduced-motion")
KEYS = {"Enter": "\ue007", "Escape": "\ue00c", "Left": "\ue012", "Up": "\ue013",
        "Right": "\ue014", "Down": "\ue015", "Tab": "\ue004", "Backspace": "\ue003"}


def installed():
    return all(shutil.which(name) for name in ("chromium", "chromedriver"))


class Browser:
    """One window. Use it in a `with` statement."""

    def __init__(self, width=1440, height=1080, flags=()):
        self._directory = tempfile.TemporaryDirectory(prefix="pagoda-browser-")
        self._driver = subprocess.Popen(["chromedriver", "--port=0"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                                        text=True)
        self._session = None
        try:
            self._address = ("127.0.0.1", self._port())
            arguments = [*FLAGS, *flags, f"--user-data-dir={self._directory.name}/profile",
                         f"--window-size={width},{height}"]
            value = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:loggingPrefs": {"browser": "ALL"},
                "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")}}}})
            self._session = f"/session/{value['sessionId']}"
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            if self._session:
                self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(HARD)
            self._driver.stdout.close()
            shutil.rmtree(self._directory.name, ignore_errors=True)

    def _port(self):
        for line in self._driver.stdout:
            match = re.search(r"successfully on port (\d+)", line)
            if match:
                return int(match.group(1))
        raise AssertionError("chromedriver did not say what port it listens on")

    def _call(self, method, path, body=None):
        data = json.dumps(body or {}).encode() if method == "POST" else None
        connection = http.client.HTTPConnection(*self._address, timeout=HARD)
        try:
            connection.request(method, path, data, {"Content-Type": "application/json"})
            why = wait_readable(connection.sock, self._driver.pid, TIMEOUT)
            assert not why, f"waited for the browser's answer to {path} {body}: {why}"
            reply = connection.getresponse()
            value = json.load(reply)["value"]
        finally:
            connection.close()
        assert reply.status == 200, value["message"]
        return value

    def _post(self, path, **body):
        return self._call("POST", self._session + path, body)

    def open(self, path, fragment=""):
        self._post("/url", url="about:blank")  # otherwise another fragment alone loads nothing
        self._post("/url", url=pathlib.Path(path).absolute().as_uri() + fragment)

    def run(self, script, *arguments):
        """What @script returns in the page."""
        return self._post("/execute/sync", script=script, args=list(arguments))

    def find(self, selector):
        return self._post("/element", using="css selector", value=selector)[ELEMENT]

    def click(self, selector):
        self._post(f"/element/{self.find(selector)}/click")

    def type(self, selector, text):
        """Type @text in place of what the field holds."""
        element = self.find(selector)
        self._post(f"/element/{element}/clear")
        self._post(f"/element/{element}/value", text=text)

    def keys(self, *names):
        """Press keys, by name or the character, where the focus is."""
        actions = []
        for name in names:
            value = KEYS.get(name, name)
            actions += [{"type": "keyDown", "value": value}, {"type": "keyUp", "value": value}]
        self._post("/actions", actions=[{"type": "key", "id": "keyboard", "actions": actions}])

    def pointer(self, *actions):
        self._post("/actions", actions=[{"type": "pointer", "id": "mouse", "actions": actions}])

    def click_at(self, x, y):
        self.pointer({"type": "pointerMove", "x": int(x), "y": int(y)},
                     {"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})

    def drag(self, x, y, to_x):
        self.pointer({"type": "pointerMove", "x": int(x), "y": int(y)},
                     {"type": "pointerDown", "button": 0},
                     {"type": "pointerMove", "x": int(to_x), "y": int(y), "duration": 60},
                     {"type": "pointerUp", "button": 0})

    def wheel(self, x, y, delta):
        self._post("/actions", actions=[{"type": "wheel", "id": "wheel", "actions": [
            {"type": "scroll", "x": int(x), "y": int(y), "deltaX": 0, "deltaY": delta}]}])

    def wait(self, script, *arguments):
        """Wait until @script returns something true, and give that."""
        patience = Patience(self._driver.pid, TIMEOUT)
        while not (value := self.run(script, *arguments)):
            why = patience.over()
            assert not why, f"waited until {script} {arguments}: {why}"
            time.sleep(0.02)
        return value

    def errors(self):
        """What the page has logged as an error."""
        return [entry["message"] for entry in self._post("/se/log", type="browser")
                if entry["level"] == "SEVERE"]

    def screenshot(self):
        """The window as a PNG."""
        return base64.b64decode(self._call("GET", self._session + "/screenshot"))
