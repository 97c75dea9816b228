"""The guard and its request view behind a real listener on loopback."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.asyncio.client import connect

from batchite.web.guard import Guard
from batchite.web.hosts import Hosts
from batchite.web.listener import Listener, bind
from batchite.web.problems import (
    BodyIncomplete,
    BodyTooLarge,
    Foreign,
    MalformedRequest,
    NotHttp,
    PathNotFound,
    Unavailable,
)
from batchite.web.protocol import MAX_HEAD_BYTES
from batchite.web.request import Incoming
from batchite.web.spelled import Spelled

DEADLINE = 60


async def mirror(scope: Scope, receive: Receive, send: Send) -> None:
    """Shows what it was sent; `/fail` fails, and bodies may have ten bytes."""
    request = Incoming(scope, receive)
    if request.raw_path == "/fail":
        raise RuntimeError("a mistake of ours")
    if request.raw_path == "/none":
        raise PathNotFound(request.raw_path)
    seen = {
        "verb": request.verb,
        "raw_path": request.raw_path,
        "raw_query": request.raw_query,
        "query": request.query,
        "base_url": request.base_url,
        "client": request.client_address,
        "body": (await request.body(10)).decode(),
    }
    await JSONResponse(seen, headers={"request-id": request.request_id})(scope, receive, send)


async def own(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": b"hello"})
        await send({"type": "websocket.close", "code": 1000})
        return
    await PlainTextResponse("own")(scope, receive, send)


HOSTS = Hosts(names=frozenset({"h"}))


def errors(problem: Exception, request_id: str) -> Response:
    statuses: dict[type[Exception], int] = {
        PathNotFound: 404,
        BodyTooLarge: 413,
        BodyIncomplete: 400,
        Foreign: 400,
        Unavailable: 503,
        MalformedRequest: 400,
        NotHttp: 400,
    }
    status = statuses.get(type(problem), 500)
    return JSONResponse({"error": type(problem).__name__}, status, {"request-id": request_id})


@asynccontextmanager
async def serving(app: ASGIApp, *trusted: str) -> AsyncIterator[tuple[str, int]]:
    guard = Guard(app, own={"/-/own": own}, errors=errors, hosts=HOSTS)
    listener = Listener(guard, bind("127.0.0.1", 0), trusted_proxies=trusted, errors=errors)
    await listener.start()
    try:
        yield listener.address
    finally:
        await listener.stop()


async def exchange(address: tuple[str, int], request: str) -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_connection(*address)
    writer.write(request.encode("latin-1"))
    answer = (await asyncio.wait_for(reader.read(), DEADLINE)).decode()
    writer.close()
    head, _, body = answer.partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body) if body.startswith("{") else {"text": body}


def get(target: str, *headers: str, verb: str = "GET") -> str:
    return "\r\n".join([f"{verb} {target} HTTP/1.1", "Connection: close", *headers, "", ""])


async def test_path_and_query_come_as_sent() -> None:
    async with serving(mirror) as address:
        status, seen = await exchange(
            address, get("/a%2Fb/../%41?x=%20+&x=&$f=a%3Db=c&&y", "Host: there.localhost:81")
        )
    assert status == 200
    assert seen["raw_path"] == "/a%2Fb/../%41"
    assert seen["raw_query"] == "x=%20+&x=&$f=a%3Db=c&&y"
    assert seen["query"] == [["x", "  "], ["x", ""], ["$f", "a=b=c"], ["y", ""]]
    assert seen["base_url"] == "http://there.localhost:81"


async def test_a_request_without_host_gets_urls_of_the_address_it_came_to() -> None:
    async with serving(mirror) as address:
        _, seen = await exchange(address, "GET /x HTTP/1.0\r\n\r\n")
    assert seen["base_url"] == f"http://127.0.0.1:{address[1]}"


@pytest.mark.parametrize("host", ["a b", 'a"b', "a/b", "a{0}", "a:b", "[::1", "a:123456"])
async def test_a_host_that_is_none_is_refused(host: str) -> None:
    async with serving(mirror) as address:
        status, seen = await exchange(address, get("/x", f"Host: {host}"))
    assert (status, seen) == (400, {"error": "MalformedRequest"})


FOREIGN = {
    "a name that means this machine": ("Host: rebound.example.org",),
    "one that only looks like ours": ("Host: localhost.example.org",),
    "two": ("Host: h", "Host: rebound.example.org"),
    "a page of another origin": ("Host: h", "Origin: https://example.org"),
    "of another port": ("Host: h:81", "Origin: http://h:82"),
    "of none": ("Host: h", "Origin: null"),
    "without a host": ("Origin: http://h",),
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("path", ["/x", "/healthz", "/-/own/x", "/-/none"])
async def test_pages_of_strangers_are_turned_away_everywhere(path: str, headers: tuple[str, ...]) -> None:
    async with serving(mirror) as address:
        status, seen = await exchange(address, get(path, *headers))
    assert (status, seen["error"]) in ((400, "Foreign"), (400, "MalformedRequest"))


async def test_pages_of_strangers_open_no_web_socket() -> None:
    async with serving(mirror) as (host, port), aiohttp.ClientSession() as session:
        for headers in ({"Host": "rebound.example.org"}, {"Origin": "https://example.org"}):
            with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
                await session.ws_connect(f"http://{host}:{port}/-/own/link", headers=headers)
            assert caught.value.status == 403


async def test_pages_of_the_service_itself_may_ask() -> None:
    async with serving(mirror) as address:
        assert (await exchange(address, get("/x", "Host: H:81", "Origin: https://h:81")))[0] == 200


FORGED = ("Host: h", "X-Forwarded-For: 6.6.6.6", "X-Forwarded-Proto: https")


async def test_forwarding_headers_of_strangers_are_not_believed() -> None:
    async with serving(mirror) as address:
        _, seen = await exchange(address, get("/x", *FORGED))
    assert (seen["client"], seen["base_url"]) == ("127.0.0.1", "http://h")


async def test_forwarding_headers_of_a_listed_proxy_are_believed() -> None:
    async with serving(mirror, "127.0.0.1") as address:
        _, seen = await exchange(address, get("/x", *FORGED))
    assert (seen["client"], seen["base_url"]) == ("6.6.6.6", "https://h")


async def test_health_needs_nothing() -> None:
    async with serving(mirror) as address:
        assert await exchange(address, get("/healthz", "Host: h")) == (200, {"status": "ok"})


async def test_own_endpoints_are_found_by_prefix_only() -> None:
    async with serving(mirror) as address:
        assert (await exchange(address, get("/-/own/x", "Host: h")))[1] == {"text": "own"}
        assert (await exchange(address, get("/-/owner", "Host: h")))[0] == 404
        assert (await exchange(address, get("/%2D/own", "Host: h")))[1]["raw_path"] == "/%2D/own"


async def test_web_sockets_reach_own_endpoints_only() -> None:
    async with serving(mirror) as (host, port), aiohttp.ClientSession() as session:
        async with session.ws_connect(f"http://{host}:{port}/-/own/link") as socket:
            assert await socket.receive_bytes() == b"hello"
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"http://{host}:{port}/-/elsewhere")
        assert caught.value.status == 403
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await session.ws_connect(f"http://{host}:{port}/elsewhere")
    assert caught.value.status == 200


@pytest.mark.parametrize(
    "more", ["Transfer-Encoding: chunked", "x: " + "1" * 9000, "\r\n".join(["x: 1"] * 200)]
)
async def test_a_web_socket_that_cannot_be_opened_is_refused(more: str) -> None:
    handshake = (
        "Upgrade: websocket",
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
        "Sec-WebSocket-Version: 13",
    )
    async with serving(mirror) as address:
        request = get("/-/own/link", "Host: h", *handshake, more).replace("close", "Upgrade", 1)
        status, _ = await exchange(address, request)
    assert status >= 400


async def test_escapes_become_the_services_errors(caplog: pytest.LogCaptureFixture) -> None:
    async with serving(mirror) as address:
        assert await exchange(address, get("/none", "Host: h")) == (404, {"error": "PathNotFound"})
        assert not caplog.records
        assert await exchange(address, get("/fail", "Host: h")) == (500, {"error": "RuntimeError"})
    assert [record.exc_info is not None for record in caplog.records] == [True]


@pytest.mark.parametrize("path", ["/none", "/fail", "/own-answer"])
async def test_an_error_to_head_tells_of_no_body(path: str) -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/own-answer":
            await JSONResponse({"error": "of the service"}, 409)(scope, receive, send)
        else:
            await mirror(scope, receive, send)

    async with serving(app) as (host, port), aiohttp.ClientSession() as session:
        for _ in range(2):  # the second time on the same connection
            async with session.head(f"http://{host}:{port}{path}") as response:
                assert response.status in (404, 409, 500)
                assert not {"Content-Type", "Content-Length", "Transfer-Encoding"} & response.headers.keys()
        async with session.head(f"http://{host}:{port}/fine") as response:
            assert response.headers["Content-Type"] == "application/json"
            assert int(response.headers["Content-Length"]) > 0


async def test_a_body_over_the_limit_is_refused_announced_or_not() -> None:
    async with serving(mirror) as address:
        announced = get("/x", "Host: h", "Content-Length: 11", verb="POST") + "x" * 11
        chunked = (
            get("/x", "Host: h", "Transfer-Encoding: chunked", verb="POST")
            + "b\r\n"
            + "x" * 11
            + "\r\n0\r\n\r\n"
        )
        fits = (
            get("/x", "Host: h", "Transfer-Encoding: chunked", verb="POST")
            + "a\r\n"
            + "x" * 10
            + "\r\n0\r\n\r\n"
        )
        assert await exchange(address, announced) == (413, {"error": "BodyTooLarge"})
        assert await exchange(address, chunked) == (413, {"error": "BodyTooLarge"})
        assert (await exchange(address, fits))[1]["body"] == "x" * 10


async def test_nothing_is_acknowledged_of_which_a_part_is_missing() -> None:
    """Whatever the parser took for the end; the connection is not used any further."""

    async def truncated(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_less() -> Message:
            message = await receive()
            return {**message, "body": message["body"][1:]}

        await mirror(scope, receive_less, send)

    async with serving(truncated) as (host, port), asyncio.timeout(DEADLINE):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        answer = await reader.read()
        writer.close()
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b'"error":"BodyIncomplete"' in answer


async def test_headers_without_end_are_cut_off() -> None:
    async with serving(mirror) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        answer = asyncio.create_task(reader.read())
        sent = 0
        while not answer.done() and sent < 100 * MAX_HEAD_BYTES:
            writer.write(b"x" * 65536)
            sent += 65536
            try:
                await writer.drain()
            except ConnectionError:
                break
            await asyncio.sleep(0)  # it is the server's turn, however much the kernel would still take
        assert sent < 20 * MAX_HEAD_BYTES
        try:
            assert b" 400 " in (await asyncio.wait_for(answer, DEADLINE)).partition(b"\r\n")[0]
        except ConnectionResetError:
            assert answer.done()


async def echo_names(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with every header whose name begins with X-, as it was spelled."""
    request = Incoming(scope, receive)
    names = [request.spelled(name) for name in request.headers if name.startswith("x-")]
    headers = [(Spelled(name.encode()), b"1") for name in names]
    await send({"type": "http.response.start", "status": 204, "headers": headers})
    await send({"type": "http.response.body"})


async def test_header_names_keep_their_spelling_both_ways() -> None:
    async with serving(echo_names) as address:
        reader, writer = await asyncio.open_connection(*address)
        for sent in ("X-Meta-Category", "x-META-a", "x-plain"):
            writer.write(f"GET / HTTP/1.1\r\nHost: h\r\n{sent}: v\r\n\r\n".encode())
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE)
            assert f"\r\n{sent}: 1\r\n".encode() in head
        writer.close()


UNREADABLE = {
    "no verb": "FOO /x HTTP/1.1\r\nHost: h\r\n\r\n",
    "a space in the path": "GET /a b HTTP/1.1\r\nHost: h\r\n\r\n",
    "a space in a name": "GET /x HTTP/1.1\r\nHost: h\r\nx y: 1\r\n\r\n",
    "a NUL in a value": "GET /x HTTP/1.1\r\nHost: h\r\nx: a\0b\r\n\r\n",
    "two lengths": "POST /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
    "a negative length": "POST /x HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "another coding": "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a bad chunk": "POST /x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "another protocol": "\x16\x03\x01\x02\x00\x01\x00",
}


@pytest.mark.parametrize("request_text", UNREADABLE.values(), ids=UNREADABLE)
async def test_what_is_no_request_gets_the_services_error(request_text: str) -> None:
    async with serving(mirror) as address:
        assert await exchange(address, request_text) == (400, {"error": "NotHttp"})


@pytest.mark.parametrize("target", ["/\xe4", "http://[::1", "?x"])
async def test_a_url_that_cannot_be_read_gets_the_services_error(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(mirror) as address:
        status, seen = await exchange(address, get(target, "Host: h"))
    assert (status, seen["error"]) == (400, "MalformedRequest")
    assert not caplog.records


async def test_rubbish_after_a_request_leaves_its_answer_alone() -> None:
    going = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await going.wait()
        await JSONResponse({"slow": True})(scope, receive, send)

    async with serving(slow) as (host, port):
        reader, writer = await asyncio.open_connection(host, port)
        writer.write(b"GET /x HTTP/1.1\r\nHost: h\r\n\r\nrubbish rubbish\r\n\r\n")
        await writer.drain()
        going.set()
        answer = await asyncio.wait_for(reader.read(), DEADLINE)
        writer.close()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.endswith(b'{"slow":true}')
    assert answer.count(b"HTTP/1.1") == 1


async def test_stopping_twice_and_taking_the_port_again() -> None:
    listener = Listener(mirror, bind("127.0.0.1", 0))
    await listener.start()
    port = listener.address[1]
    await listener.stop()
    await listener.stop()
    again = bind("127.0.0.1", port)
    assert again.getsockname()[1] == port
    again.close()


async def test_it_stops_while_the_peer_of_a_web_socket_leaves_and_reads_nothing_more() -> None:
    has_left = asyncio.Event()

    async def talkative(_: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": bytes(50_000_000)})
        assert (await receive())["type"] == "websocket.disconnect"
        has_left.set()

    listener = Listener(talkative, bind("127.0.0.1", 0))
    await listener.start()
    url = f"ws://127.0.0.1:{listener.address[1]}/-/"
    peer = await connect(url, compression=None, max_size=None, proxy=None)
    peer.transport.pause_reading()
    peer.protocol.send_close()
    peer.transport.writelines(peer.protocol.data_to_send())
    async with asyncio.timeout(DEADLINE):
        await has_left.wait()
        await listener.stop()
    peer.transport.abort()


async def test_connections_are_not_kept_for_who_says_too_little() -> None:
    """Neither at the first request nor at a later one; what is under way takes the time it takes."""
    go_on = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        await go_on.wait()
        await PlainTextResponse("late")(scope, receive, send)

    listener = Listener(slow, bind("127.0.0.1", 0), errors=errors, head_seconds=0.1)
    await listener.start()
    silent, partial, patient = [
        await asyncio.open_connection(sock=client)
        for client in [
            connected(listener, b""),
            connected(listener, b"GET / HT"),
            connected(listener, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ]
    ]
    async with asyncio.timeout(DEADLINE):
        assert await silent[0].read() == b""
        assert (await partial[0].read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
        go_on.set()
        assert (await patient[0].readuntil(b"late")).startswith(b"HTTP/1.1 200 OK\r\n")
        patient[1].write(b"GET / HT")
        assert (await patient[0].read()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    for _, writer in (silent, partial, patient):
        writer.close()
    await listener.stop()


def connected(listener: Listener, said: bytes) -> socket.socket:
    """A client that has said this before it is accepted, whatever time passes then."""
    client = socket.create_connection(listener.address)
    client.sendall(said)
    client.setblocking(False)
    return client


async def test_a_request_of_http_1_1_has_a_host() -> None:
    async with serving(mirror) as address:
        assert await exchange(address, get("/a")) == (400, {"error": "MalformedRequest"})
        status, seen = await exchange(address, "GET /a HTTP/1.0\r\n\r\n")
        assert (status, seen["base_url"]) == (200, f"http://127.0.0.1:{address[1]}")
