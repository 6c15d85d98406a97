"""A relay that is far away: a TCP proxy that delays, and lets through as much as comes.

`python -m bench.far PORT TO MILLISECONDS`: each way takes half of that round trip. It prints the
most connections that it had open at once whenever there are more.
"""

import asyncio
import sys
from contextlib import suppress

CHUNK = 256 * 1024


class Proxy:
    """Passes bytes on, each at its own moment: what follows does not wait for what is under way."""

    def __init__(self, to: int, delay: float) -> None:
        self._to = to
        self._delay = delay
        self._open = 0
        self._most = 0

    async def serve(self, port: int) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", port, limit=CHUNK)
        async with server:
            await server.serve_forever()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        if self._open > self._most:
            self._most = self._open
            print(self._most, flush=True)
        try:
            # A connection takes a round trip as well.
            await asyncio.sleep(2 * self._delay)
            relay_reader, relay_writer = await asyncio.open_connection("127.0.0.1", self._to)
            await asyncio.gather(
                self._pass_on(reader, relay_writer), self._pass_on(relay_reader, writer)
            )
        except OSError:
            writer.close()
        finally:
            self._open -= 1

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        loop = asyncio.get_running_loop()
        under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        arriving = asyncio.create_task(self._arrive(under_way, writer))
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                under_way.put_nowait((loop.time() + self._delay, data))
        under_way.put_nowait((loop.time() + self._delay, b""))
        await arriving

    async def _arrive(
        self, under_way: "asyncio.Queue[tuple[float, bytes]]", writer: asyncio.StreamWriter
    ) -> None:
        loop = asyncio.get_running_loop()
        with suppress(ConnectionError):
            while True:
                due, data = await under_way.get()
                await asyncio.sleep(due - loop.time())
                if not data:
                    break
                writer.write(data)
                await writer.drain()
        writer.close()


if __name__ == "__main__":
    listen, to, milliseconds = map(int, sys.argv[1:])
    with suppress(KeyboardInterrupt):
        asyncio.run(Proxy(to, milliseconds / 2000).serve(listen))
