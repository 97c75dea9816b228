"""A program that gets blobs: `python asking.py SMALL_URL LARGE_URL COUNT`; what it took, as JSON.

It uses the standard library alone, and the proxy of its environment for names that are not this machine's.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import ssl
import sys
import time
from urllib.parse import SplitResult, urlsplit

CHUNK = 1 << 20
AUTHORITIES = None if "SSL_CERT_FILE" not in os.environ else ssl.create_default_context()


def connection(url: SplitResult) -> http.client.HTTPConnection:
    """Opened."""
    if url.scheme == "http":
        made = http.client.HTTPConnection(url.hostname or "", url.port)
    else:
        proxy = urlsplit(os.environ["HTTPS_PROXY"])
        user = base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
        made = http.client.HTTPSConnection(proxy.hostname or "", proxy.port, context=AUTHORITIES)
        made.set_tunnel(url.hostname or "", 443, {"Proxy-Authorization": f"Basic {user}"})
    made.connect()
    return made


def get(opened: http.client.HTTPConnection, url: SplitResult) -> int:
    """Bytes that came."""
    opened.request("GET", f"{url.path}?{url.query}", headers={"Host": url.netloc})
    answer = opened.getresponse()
    assert answer.status == 200, answer.status
    length = 0
    while piece := answer.read(CHUNK):
        length += len(piece)
    return length


def main(small: SplitResult, large: SplitResult, count: int) -> None:
    opened = connection(small)
    for _ in range(count // 10):
        get(opened, small)
    began = time.perf_counter()
    for _ in range(count):
        get(opened, small)
    kept = (time.perf_counter() - began) / count
    began = time.perf_counter()
    for _ in range(count // 10):
        once = connection(small)
        get(once, small)
        once.close()
    new = (time.perf_counter() - began) / (count // 10)
    began = time.perf_counter()
    mebibytes = get(opened, large) / (1 << 20)
    rate = mebibytes / (time.perf_counter() - began)
    print(json.dumps({"kept": 1000 * kept, "new": 1000 * new, "rate": rate}))


if __name__ == "__main__":
    main(urlsplit(sys.argv[1]), urlsplit(sys.argv[2]), int(sys.argv[3]))
