"""TLS under the cloud's names, for who is led there by a hosts file."""

import asyncio
import ssl

import pytest
from tests.proxy.house import BLOB, House

from batchite.configuration import endpoints
from batchite.configuration.endpoints import Endpoints


async def ask(house: House, port: int, host: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=house.trust(), server_hostname=host)
    writer.write(f"GET /things/x HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    return answer


@pytest.mark.parametrize("host", [BLOB, BLOB.replace("1.", "1-secondary."), BLOB.upper()])
async def test_a_name_of_ours_leads_to_the_service(house: House, host: str) -> None:
    async with house.listener() as port:
        answer = await ask(house, port, host)
    assert b'"asked": "/things/x"' in answer
    assert f"Host: {host}".encode() in answer


@pytest.mark.parametrize("host", ["other.blob.core.windows.net", "localhost", "127.0.0.1"])
async def test_another_name_gets_no_certificate(house: House, host: str) -> None:
    """Nor does who says none, as for an address. The connection is cut off."""
    async with house.listener() as port:
        with pytest.raises((ConnectionError, ssl.SSLError)) as caught:
            await ask(house, port, host)
    assert not isinstance(caught.value, ssl.SSLCertVerificationError)


async def test_a_service_that_is_away_is_told(house: House) -> None:
    endpoints.save(Endpoints(host="127.0.0.1", serving=()), house.data_dir)
    async with house.listener() as port:
        answer = await ask(house, port, BLOB)
    assert answer.startswith(b"HTTP/1.1 502 the Blob service cannot be reached")
    assert len(house.said) == 1
