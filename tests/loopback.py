"""A real HTTP server on the loopback address."""

import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Server:
    """Serves `pages` (path to content); `url` is its address, `requests` what was asked for.

    `moved` redirects paths; the first `failures` requests are answered with status 503.
    """

    def __init__(
        self, pages: Mapping[str, bytes], moved: Mapping[str, str] | None = None, failures: int = 0
    ) -> None:
        self.requests: list[str] = []
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
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(pages[self.path])))
                    self.end_headers()
                    self.wfile.write(pages[self.path])
                else:
                    self.send_error(404)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Server":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
