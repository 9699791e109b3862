"""Passes bytes between two places: `python relay.py LISTEN CONNECT`.

A place is `unix:/path` or `tcp:host:port`. Two of them lead out of a network namespace that has
no way out: one listens inside and connects to a socket file, the other does the reverse.
"""

import asyncio
import contextlib
import sys

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def connected(place: str) -> Streams:
    kind, _, where = place.partition(":")
    if kind == "unix":
        return await asyncio.open_unix_connection(where)
    host, _, port = where.rpartition(":")
    return await asyncio.open_connection(host, int(port))


async def pump(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await source.read(65_536):
            target.write(chunk)
            await target.drain()
    target.close()


async def main(listen: str, connect: str) -> None:
    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            onward_reader, onward = await connected(connect)
        except OSError:
            writer.close()
            return
        await asyncio.gather(pump(reader, onward), pump(onward_reader, writer))

    kind, _, where = listen.partition(":")
    if kind == "unix":
        server = await asyncio.start_unix_server(take, where)
    else:
        host, _, port = where.rpartition(":")
        server = await asyncio.start_server(take, host, int(port))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
