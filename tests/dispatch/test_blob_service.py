"""What agents are told of our Blob service, before they fetch anything from it."""

from tests.dispatch.test_hostile import dial, nobody, served
from websockets.asyncio.client import ClientConnection

from batchite.dispatch.links import Links
from batchite.link import framing
from batchite.link import messages as link
from batchite.link.messages import BlobService, Run, Welcome


async def hear(socket: ClientConnection, heard: list[link.ToAgent], count: int) -> None:
    while len(heard) < count:
        frame = await socket.recv()
        assert isinstance(frame, bytes)
        heard.extend(framing.to_agent.decode(frame))


async def test_an_agent_hears_of_the_accounts_before_it_runs_something_and_of_others() -> None:
    now = BlobService("http://127.0.0.1:10000", ("films",))
    links = Links(lambda *_: None, lambda _: None, nobody, blob_service=lambda: now)
    heard: list[link.ToAgent] = []
    async with served(links) as url, dial(url) as socket:
        await socket.send(framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)]))
        await hear(socket, heard, 1)
        run = Run(1, 1, "j", "t", 1, b"{}")
        links.send("node", link.Acknowledge(1))
        links.send("node", run)
        links.send("node", run)
        now = BlobService(now.url, ("films", "more"))
        links.send("node", run)
        await hear(socket, heard, 7)
    first, second = BlobService(now.url, ("films",)), now
    assert isinstance(heard[0], Welcome)
    assert heard[1:] == [link.Acknowledge(1), first, run, run, second, run]


async def test_an_agent_that_may_be_running_something_hears_of_others_in_a_round() -> None:
    """What runs for long finds an account that is made meanwhile. Nobody is told what is known."""
    now = BlobService("http://127.0.0.1:10000", ("films",), ("127.64.0.1\tfilms.blob.core.windows.net",))
    links = Links(lambda *_: None, lambda _: None, nobody, blob_service=lambda: now)
    heard: list[link.ToAgent] = []
    async with served(links) as url, dial(url) as socket:
        await socket.send(framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)]))
        await hear(socket, heard, 1)
        run = Run(1, 1, "j", "t", 1, b"{}")
        links.retell()
        links.send("node", run)
        links.retell()
        first, now = now, BlobService(now.url, ("films", "more"), (*now.hosts, "127.64.0.1\tmore"))
        links.retell()
        links.retell()
        links.send("node", link.Acknowledge(1))
        await hear(socket, heard, 5)
    assert heard[1:] == [first, run, now, link.Acknowledge(1)]
