"""Corner Bank's website: one page on http://localhost:8000 with the chat.

Its visitor is signed in as Anna Schmidt.

python3 page.py [SERVICE_ADDRESS]   needs CORNER_BANK_CHAT_SECRET; standard library only
"""

import base64
import hashlib
import hmac
import json
import os
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

SERVICE = sys.argv[1] if len(sys.argv) > 1 else "http://localhost:8080"
SECRET = os.environ["CORNER_BANK_CHAT_SECRET"]
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Corner Bank</title>
<h1>Corner Bank</h1>
<p>{greeting}</p>
<script type="module" src="{service}/widget/answerable.js"></script>
<answerable-chat key="wk_corner_bank" {token}></answerable-chat>
"""


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def customer_token(customer_id: str, name: str) -> str:
    """A statement, good for an hour, that this customer is signed in."""
    now = int(time.time())
    claims = {"sub": customer_id, "name": name, "aud": "corner-bank", "iat": now, "exp": now + 3600}
    parts = [encoded(json.dumps(part).encode()) for part in ({"alg": "HS256"}, claims)]
    signed = ".".join(parts)
    tag = hmac.new(SECRET.encode(), signed.encode(), hashlib.sha256).digest()
    return f"{signed}.{encoded(tag)}"


class Website(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/visitor":
            greeting, token = '<a href="/">Sign in as Anna Schmidt</a>', ""
        else:
            greeting = 'You are Anna Schmidt. <a href="/visitor">Sign out</a>'
            token = f'token="{customer_token("C-1001", "Anna Schmidt")}"'
        page = PAGE.format(service=SERVICE, greeting=greeting, token=token)
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(page.encode())


if __name__ == "__main__":
    HTTPServer(("localhost", 8000), Website).serve_forever()
