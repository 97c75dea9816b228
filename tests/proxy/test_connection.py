"""Clients of the proxy over real connections: tunnels, TLS under our names, plain HTTP, refusals."""

from __future__ import annotations

import asyncio
import io
import socket
import ssl
import struct
from base64 import b64encode
from collections.abc import AsyncIterator

import pytest
from aiohttp import ClientSession
from tests.proxy.house import BLOB, SECRET, House
from yarl import URL

from batchite.configuration import endpoints
from batchite.configuration.endpoints import Endpoints
from batchite.proxy.reaching import MAX_HEAD_BYTES
from batchite.proxy.variables import USER

LARGE = b"0123456789abcdef" * 200_000


def credential(secret: str = SECRET) -> str:
    return f"Proxy-Authorization: Basic {b64encode(f'{USER}:{secret}'.encode()).decode()}\r\n"


async def exchange(port: int, request: str | bytes) -> bytes:
    """All that comes back until the connection is closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.encode() if isinstance(request, str) else request)
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


def url(port: int) -> str:
    return f"http://{USER}:{SECRET}@127.0.0.1:{port}"


async def through(house: House, port: int, address: str, **more: object) -> dict[str, object]:
    """What the server says that an ordinary client reaches."""
    async with (
        ClientSession() as session,
        session.request(
            "PUT", URL(address, encoded=True), proxy=url(port), ssl=house.trust(), **more  # type: ignore[arg-type]
        ) as answer,
    ):  # fmt: skip
        found: dict[str, object] = await answer.json()
        return found


@pytest.mark.parametrize("scheme", ["https", "http"])
async def test_a_name_of_ours_reaches_the_service_under_that_name(house: House, scheme: str) -> None:
    async with house.proxy(offline=True) as port:
        address = f"{scheme}://{BLOB}/things/a%20b?sig=x%2Fy%2B"
        answer = await through(
            house, port, address, data=io.BytesIO(LARGE), headers={"x-ms-meta-Kind": "one"}
        )
    assert answer["asked"] == "/things/a%20b?sig=x%2Fy%2B"
    assert answer["length"] == len(LARGE)
    heads = answer["heads"]
    assert isinstance(heads, list)
    assert f"Host: {BLOB}" in heads
    assert "x-ms-meta-Kind: one" in heads
    assert not [head for head in heads if head.lower().startswith("proxy-")]


async def test_a_body_in_chunks_arrives_whole(house: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(10):
            yield LARGE[:100_000]

    async with house.proxy() as port:
        answer = await through(house, port, f"http://{BLOB}/things/x", data=pieces())
    assert answer["length"] == 1_000_000


async def test_others_are_reached_by_a_tunnel_that_nobody_looks_into(house: House) -> None:
    """Not even who has said all waits in vain."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.read())
        writer.close()

    origin = await asyncio.start_server(echo, "127.0.0.1", 0)
    async with origin, house.proxy() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        target = f"127.0.0.1:{origin.sockets[0].getsockname()[1]}"
        writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credential()}\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        writer.write(LARGE)
        writer.write_eof()
        assert await reader.read() == LARGE
        writer.close()


async def test_the_certificate_is_for_the_name_that_was_asked_for(house: House) -> None:
    async with house.proxy() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"CONNECT {BLOB}:443 HTTP/1.1\r\nHost: {BLOB}:443\r\n{credential()}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        trust = house.trust()
        trust.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python does from 3.13 on
        await writer.start_tls(trust, server_hostname=BLOB)
        shown = writer.get_extra_info("peercert")
        assert shown["subjectAltName"] == (("DNS", BLOB),)
        writer.close()


async def test_a_program_that_does_not_trust_us_is_told(house: House) -> None:
    """One that says so, as most do."""

    def ask(port: int) -> None:
        with socket.create_connection(("127.0.0.1", port)) as connection:
            head = f"CONNECT {BLOB}:443 HTTP/1.1\r\nHost: {BLOB}:443\r\n{credential()}\r\n"
            connection.sendall(head.encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
            with pytest.raises(ssl.SSLCertVerificationError):
                ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_socket(connection, server_hostname=BLOB)

    async with house.proxy() as port:
        await asyncio.to_thread(ask, port)
        while not house.said:  # noqa: ASYNC110 - what is said sets no event
            await asyncio.sleep(0.005)
    (sentence,) = house.said
    assert f"given up TLS with {BLOB} (tlsv1 alert unknown ca); to trust" in sentence


@pytest.mark.parametrize("way", ["closed", "reset"])
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half a greeting"])
async def test_of_a_program_that_ends_in_the_middle_nothing_else_is_claimed(
    house: House, said: bytes, way: str
) -> None:
    async with house.proxy() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(f"CONNECT {BLOB}:443 HTTP/1.1\r\nHost: {BLOB}:443\r\n{credential()}\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        await writer.drain()
        if way == "reset":
            at_once = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
        writer.close()
        while not house.said:  # noqa: ASYNC110 - what is said sets no event
            await asyncio.sleep(0.005)
    (sentence,) = house.said
    assert sentence.startswith(f"a program has left {BLOB} before TLS had begun: it has ended, or")


@pytest.mark.parametrize("given", ["", credential("another"), "Proxy-Authorization: Bearer x\r\n"])
@pytest.mark.parametrize("line", [f"CONNECT {BLOB}:443", f"GET http://{BLOB}/x", "CONNECT example.org:443"])
async def test_who_does_not_know_the_secret_is_refused(house: House, line: str, given: str) -> None:
    async with house.proxy() as port:
        answer = await exchange(port, f"{line} HTTP/1.1\r\nHost: h\r\n{given}\r\n")
    assert answer.startswith(b"HTTP/1.1 407 this proxy is for those who know")
    assert b"\r\nProxy-Authenticate: Basic" in answer
    assert house.said == []  # a stranger is not heard of


@pytest.mark.parametrize(
    ("line", "status", "sentence"),
    [
        ("CONNECT example.org:443", 403, "example.org is refused with --offline"),
        ("GET http://example.org/", 403, "example.org is refused with --offline"),
        ("CONNECT devstoreaccount1.table.core.windows.net:443", 403, "serves blobs only"),
        ("CONNECT devbatch.x.batch.azure.com:443", 502, "the Batch service cannot be reached (it has not"),
        ("CONNECT example.org", 400, "CONNECT wants a host and a port"),
        ("CONNECT [::1:443", 400, "CONNECT wants a host and a port"),
        ("GET /healthz", 400, "this is a proxy"),
        ("GET ftp://example.org/", 400, "this is a proxy"),
        ("CONNECT 127.0.0.1:1", 502, "127.0.0.1 port 1 cannot be reached"),
    ],
)
async def test_a_refusal_says_why_in_its_first_line(
    house: House, line: str, status: int, sentence: str
) -> None:
    async with house.proxy(offline=True) as port:
        answer = await exchange(port, f"{line} HTTP/1.1\r\nHost: h\r\n{credential()}\r\n")
    first, _, rest = answer.partition(b"\r\n")
    assert first.startswith(b"HTTP/1.1 %d " % status)
    assert sentence.encode() in first
    assert rest.endswith(first.partition(b" ")[2].partition(b" ")[2] + b"\n")
    assert [said for said in house.said if sentence in said]


async def test_a_service_that_is_away_is_told_with_the_command_that_starts_it(house: House) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        gone = taken.getsockname()[1]
        endpoints.save(Endpoints(host="127.0.0.1", blob_port=gone, serving=("blob",)), house.data_dir)
        async with house.proxy() as port:
            answer = await exchange(port, f"CONNECT {BLOB}:443 HTTP/1.1\r\nHost: h\r\n{credential()}\r\n")
    assert answer.startswith(b"HTTP/1.1 502 the Blob service cannot be reached")
    assert f"batchite serve --data-dir {house.data_dir}".encode() in answer


NO_REQUESTS = [b"\x16\x03\x01\x02", b"GET", b"X" * (MAX_HEAD_BYTES + 9), b"GET http://h\0/ HTTP/1.1"]


@pytest.mark.parametrize("sent", NO_REQUESTS, ids=["TLS", "word", "long", "NUL"])
async def test_what_is_no_request_is_answered_and_cut_off(house: House, sent: bytes) -> None:
    async with house.proxy() as port:
        assert (await exchange(port, sent + b"\r\n\r\n")).startswith(b"HTTP/1.1 400 this is no request")


@pytest.mark.parametrize(
    ("headers", "status", "length"),
    [
        ("Content-Length: 9\r\nTransfer-Encoding: chunked\r\n", 200, 3),
        ("Connection: host, content-length\r\nContent-Length: 2\r\n", 200, 2),
        ("Content-Length: 1\r\nContent-Length: 2\r\n", 400, None),
        ("Host: second\r\nContent-Length: 0\r\n", 400, None),
    ],
)
async def test_where_a_body_ends_is_said_once(
    house: House, headers: str, status: int, length: int | None
) -> None:
    """A server that took another word for it would take the rest for a request."""
    head = f"PUT http://{BLOB}/x HTTP/1.1\r\nHost: {BLOB}\r\n{headers}{credential()}\r\n"
    async with house.proxy() as port:
        answer = await exchange(port, f"{head}3\r\nabc\r\n0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 %d " % status)
    assert (b'"length": %d}' % length in answer) if length else b'"length"' not in answer


async def test_nothing_after_a_request_reaches_the_server(house: House) -> None:
    """It would be the next request, with the secret, and perhaps for another server."""
    head = f"GET http://{BLOB}/one HTTP/1.1\r\nHost: {BLOB}\r\n{credential()}\r\n"
    async with house.proxy() as port:
        answer = await exchange(port, head + head.replace("/one", "/two"))
    assert answer.count(b"HTTP/1.1 200") == 1
    assert b"/two" not in answer


@pytest.mark.parametrize("plain", [True, False])
async def test_the_proxy_of_the_environment_is_the_next_one(house: House, plain: bool) -> None:
    """Ours behind ours: the next one is asked for hosts that it alone may reach."""
    async with house.proxy() as last:
        proxies = dict.fromkeys(("http", "https"), url(last))
        async with house.proxy(proxies=proxies) as first:
            target = f"localhost:{house.service_port}"
            if plain:
                answer = await through(house, first, f"http://{target}/x", data=b"1")
                assert (answer["asked"], answer["length"]) == ("/x", 1)
                return
            reader, writer = await asyncio.open_connection("127.0.0.1", first)
            writer.write(f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n{credential()}\r\n".encode())
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"GET /x HTTP/1.0\r\nHost: other\r\n\r\n")
            assert b'"asked": "/x"' in await reader.read()
            writer.close()


async def test_what_the_next_proxy_refuses_is_told(house: House) -> None:
    async with house.proxy(offline=True) as last:
        proxies = {"https": f"http://{USER}:wrong@127.0.0.1:{last}"}
        async with house.proxy(proxies=proxies) as first:
            request = f"CONNECT example.org:443 HTTP/1.1\r\nHost: h\r\n{credential()}\r\n"
            answer = await exchange(first, request)
    assert answer.startswith(b"HTTP/1.1 502 the next proxy, asked for example.org:443, said 407")
