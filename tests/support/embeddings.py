"""An embeddings endpoint over real HTTP, which counts letters."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass
class Embeddings:
    """asked: bodies and authorisation of the calls. answer: instead of the right one."""

    asked: list[tuple[dict[str, Any], str | None]] = field(default_factory=list)
    status: int = 200
    answer: Any = None
    url: str = ""


def embedded(text: str) -> list[float]:
    return [1.0 + text.lower().count(letter) for letter in LETTERS]


@contextmanager
def embeddings() -> Iterator[Embeddings]:
    there = Embeddings()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            there.asked.append((body, self.headers["Authorization"]))
            rows = [{"index": n, "embedding": embedded(t)} for n, t in enumerate(body["input"])]
            answer = {"data": rows[::-1]} if there.answer is None else there.answer
            content = json.dumps(answer).encode()
            self.send_response(there.status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    there.url = f"http://127.0.0.1:{server.server_port}/v1/embeddings"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield there
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
