"""A real HTTP server on the loopback address, as good or as bad as a test wants it."""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Manners:
    """How a server behaves.

    `tag` is the ETag it sends; with `ranges` it serves parts; the first `cuts` answers end after
    `cut_after` bytes; `stall` seconds pass in the midst of each answer; `pause` after each 1,000 bytes;
    `honest` servers say how long the answer is.
    """

    tag: str = ""
    ranges: bool = False
    cuts: int = 0
    cut_after: int = 0
    stall: float = 0
    pause: float = 0
    honest: bool = True


class Server:
    """Serves `pages` (path to content); `url` is its address, `requests` what was asked for.

    `moved` redirects paths; the first `failures` requests are answered with status 503. `sent` counts
    the bytes of each answer.
    """

    def __init__(
        self,
        pages: Mapping[str, bytes],
        moved: Mapping[str, str] | None = None,
        failures: int = 0,
        manners: Manners | None = None,
    ) -> None:
        self.requests: list[str] = []
        self.sent: list[int] = []
        self.manners = manners or Manners()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                if len(outer.requests) <= failures:
                    self.send_error(503)
                elif self.path in (moved or {}):
                    self.send_response(302)
                    self.send_header("Location", (moved or {})[self.path])
                    self.end_headers()
                elif self.path in pages:
                    self._answer(pages[self.path])
                else:
                    self.send_error(404)

            def _answer(self, content: bytes) -> None:
                how, start = outer.manners, 0
                wanted = self.headers.get("Range", "")
                if wanted and how.ranges and self.headers.get("If-Range") == how.tag:
                    start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                    if start >= len(content):
                        self.send_error(416)
                        return
                    self.send_response(206)
                    self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
                else:
                    self.send_response(200)
                if how.tag:
                    self.send_header("ETag", how.tag)
                if self.path.endswith("/"):
                    self.send_header("Content-Type", "text/html")
                if how.honest:
                    self.send_header("Content-Length", str(len(content) - start))
                self.end_headers()
                self._send(content[start:], how)

            def _send(self, body: bytes, how: Manners) -> None:
                if len(outer.sent) < how.cuts:
                    body = body[: how.cut_after]
                outer.sent.append(0)
                for first in range(0, len(body), 1000):
                    time.sleep(how.pause + how.stall * (first >= len(body) // 2))
                    outer.sent[-1] += len(body[first : first + 1000])
                    try:
                        self.wfile.write(body[first : first + 1000])
                    except OSError:  # nobody listens any more
                        return

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
