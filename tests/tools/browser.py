"""Chromium without a window, driven through its DevTools protocol with Python's standard library alone.

    with Browser() as page:
        page.open("http://127.0.0.1:8123/")
        page.type("wheat")
        page.key("Enter", ctrl=True)
        page.wait("document.querySelector('#text').textContent")
"""
import base64
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import urllib.request

CHROMIUM = ["chromium", "chromium-browser", "google-chrome"]
# Windows' virtual key codes, which Chromium uses everywhere.
CODES = {
    "Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40, "PageUp": 33,
    "PageDown": 34, "Tab": 9, "Backspace": 8, "?": 191, " ": 32,
}


def code_of(key):
    """The code of a letter or digit. Elsewhere it would be that of another key: a comma's is Print Screen."""
    return ord(key.upper()) if len(key) == 1 and key.isascii() and key.isalnum() else 0


def chromium():
    """The browser's path, or None where there is none."""
    return next(filter(None, map(shutil.which, CHROMIUM)), None)


class WebSocket:
    """As much of RFC 6455 as one client needs: whole text messages to and from 127.0.0.1."""

    def __init__(self, port, path):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        key = base64.b64encode(os.urandom(16)).decode()
        head = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", "Upgrade: websocket", "Connection: Upgrade"]
        head += [f"Sec-WebSocket-Key: {key}", "Sec-WebSocket-Version: 13", "", ""]
        self.socket.sendall("\r\n".join(head).encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.buffer += self.socket.recv(4096)
        answer, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        assert b" 101 " in answer.split(b"\r\n")[0], answer

    def take(self, n):
        while len(self.buffer) < n:
            got = self.socket.recv(1 << 16)
            if not got:
                raise ConnectionError("the browser closed the connection")
            self.buffer += got
        taken, self.buffer = self.buffer[:n], self.buffer[n:]
        return taken

    def send(self, text, opcode=1):
        data, mask = text.encode(), os.urandom(4)
        n = len(data)
        size = bytes([128 | n]) if n < 126 else b"\xfe" + struct.pack(">H", n) if n < 65536 else b"\xff" + struct.pack(">Q", n)
        masked = bytes(byte ^ mask[at % 4] for at, byte in enumerate(data))
        self.socket.sendall(bytes([128 | opcode]) + size + mask + masked)

    def receive(self):
        message = b""
        while True:
            first, second = self.take(2)
            n = second & 127
            n = struct.unpack(">H", self.take(2))[0] if n == 126 else struct.unpack(">Q", self.take(8))[0] if n == 127 else n
            data = self.take(n)
            if first & 15 in (0, 1):
                message += data
                if first & 128:
                    return message.decode()
            elif first & 15 == 8:
                raise ConnectionError("the browser closed the connection")


class Browser:
    """One browser with one page. `troubles` has what the page complained of: errors, and what its policy refused."""

    def __init__(self, width=1280, height=800, dark=False, touch=False):
        self.folder = tempfile.mkdtemp(prefix="alhost-browser-")
        command = [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--mute-audio",
                   "--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage",
                   "--remote-debugging-port=0", f"--user-data-dir={self.folder}", "about:blank"]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.troubles, self.count, self.timings = [], 0, []
        port = self.port()
        pages = json.load(urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list"))
        target = next(page for page in pages if page["type"] == "page")
        self.socket = WebSocket(port, "/" + target["webSocketDebuggerUrl"].split("/", 3)[3])
        for domain in ["Page", "Runtime", "Log", "Performance"]:
            self.send(f"{domain}.enable")
        self.look(width, height, dark, touch)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def port(self):
        path = pathlib.Path(self.folder, "DevToolsActivePort")
        for _ in range(600):
            if path.exists() and path.read_text().count("\n"):
                return int(path.read_text().split("\n")[0])
            time.sleep(0.1)
        raise TimeoutError("the browser does not start")

    def send(self, method, **params):
        self.count += 1
        self.socket.send(json.dumps({"id": self.count, "method": method, "params": params}))
        while True:
            message = json.loads(self.socket.receive())
            if message.get("id") == self.count:
                if "error" in message:
                    raise RuntimeError(f"{method}: {message['error']}")
                return message["result"]
            self.hear(message)

    def hear(self, message):
        method, params = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            details = params["exceptionDetails"]
            self.troubles.append(details.get("exception", {}).get("description") or details["text"])
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.troubles.append(f"{params['entry']['text']} {params['entry'].get('url', '')}")
        elif method == "Page.javascriptDialogOpening":
            self.dialog = params["type"]
            # Nobody waits for the answer: it comes when this loop is left.
            self.socket.send(json.dumps({"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}))

    def look(self, width, height, dark=False, touch=False):
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=touch)
        self.send("Emulation.setTouchEmulationEnabled", enabled=touch)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", features=[scheme])

    def open(self, url):
        self.send("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def run(self, script):
        """What a script of the page comes to; promises are waited for."""
        answer = self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, condition, seconds=60):
        """Waits until a script comes to something true, and answers that."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            value = self.run(condition)
            if value:
                return value
            time.sleep(0.005)
        raise TimeoutError(f"{condition} does not come true; the page says {self.run('document.body.innerText')[:2000]!r}")

    def key(self, key, ctrl=False, alt=False, shift=False):
        """Presses and lets go of one key, named as in KeyboardEvent.key."""
        modifiers = alt * 1 | ctrl * 2 | shift * 8
        event = {"key": key, "modifiers": modifiers, "windowsVirtualKeyCode": CODES.get(key, code_of(key))}
        event["code"] = f"Key{key.upper()}" if key.isalpha() and len(key) == 1 else f"Digit{key}" if key.isdigit() else key
        is_text = len(key) == 1 and not ctrl and not alt
        text = {"text": key} if is_text else {"text": "\r"} if key == "Enter" and not modifiers else {}
        self.send("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", **event, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", **event)

    def type(self, text):
        for letter in text:
            self.key(letter)

    def shot(self, path):
        """A picture of what is in sight, as .png or .webp."""
        path = pathlib.Path(path)
        how = {"format": "webp", "quality": 90} if path.suffix == ".webp" else {"format": "png"}
        path.write_bytes(base64.b64decode(self.send("Page.captureScreenshot", **how)["data"]))

    def heap(self):
        """Bytes in use by the page's scripts once what nobody needs is gone."""
        self.send("HeapProfiler.collectGarbage")
        return self.send("Runtime.getHeapUsage")["usedSize"]
