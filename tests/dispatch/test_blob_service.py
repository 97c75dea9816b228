"""What agents are told of our Blob service, before they fetch anything from it."""

from tests.dispatch.test_hostile import dial, nobody, served

from batchite.dispatch.links import Links
from batchite.link import framing
from batchite.link import messages as link
from batchite.link.messages import BlobService, RunTask, Welcome


async def test_an_agent_hears_of_the_accounts_before_it_runs_something_and_of_others() -> None:
    now = BlobService("http://127.0.0.1:10000", ("films",))
    links = Links(lambda *_: None, lambda _: None, nobody, blob_service=lambda: now)
    heard: list[link.ToAgent] = []
    async with served(links) as url, dial(url) as socket:

        async def hear(count: int) -> None:
            while len(heard) < count:
                frame = await socket.recv()
                assert isinstance(frame, bytes)
                heard.extend(framing.to_agent.decode(frame))

        await socket.send(framing.encode([link.Hello(link.PROTOCOL, "0", 1, (), 0)]))
        await hear(1)
        run = RunTask(1, 1, "j", "t", 1, b"{}")
        links.send("node", link.Acknowledge(1))
        links.send("node", run)
        links.send("node", run)
        now = BlobService(now.url, ("films", "more"))
        links.send("node", run)
        await hear(7)
    first, second = BlobService(now.url, ("films",)), now
    assert isinstance(heard[0], Welcome)
    assert heard[1:] == [link.Acknowledge(1), first, run, run, second, run]
