"""Long answers: their body is made in parts, and each is sent before the next is made.

So they need little memory, and a slow client holds no thread. A page gives such a body
in `PARTS` of its environ, and an answer without a body. All other answers are whole.
"""

import logging
from asyncio import (
    AbstractEventLoop,
    get_running_loop,
    run_coroutine_threadsafe,
)
from collections.abc import AsyncGenerator, Generator, Iterator
from concurrent.futures import Executor
from typing import Any

PARTS = "page_tracker.parts"
"""Key of the environ of the edge for a body: a generator of parts. It is closed at the
end, also if nobody takes them all."""

Chunks = AsyncGenerator[bytes, None]

logger = logging.getLogger(__name__)


class BrokenOff(Exception):
    """The rest of an answer cannot be made. The client must see that it is missing."""


class ClientGone(ConnectionError):
    """Nobody takes the rest of an answer."""


async def made_in_threads(
    parts: Generator[bytes, None, None], threads: Executor
) -> Chunks:
    """Give parts, each of them made in a thread."""
    loop = get_running_loop()
    try:
        while True:
            part = await loop.run_in_executor(threads, next, parts, None)
            if part is None:
                return
            yield part
    finally:
        await loop.run_in_executor(threads, parts.close)


async def send_parts(parts: Chunks, send: Any) -> None:
    """Send parts to an ASGI server. Raises BrokenOff if not all of them can be made."""
    message = {"type": "http.response.body"}
    try:
        async for part in parts:
            await send({**message, "body": part, "more_body": True})
        await send({**message, "body": b""})
    except ClientGone:
        pass
    except BrokenOff:
        raise
    except Exception as error:
        logger.exception("A long answer broke off")
        raise BrokenOff from error
    finally:
        await parts.aclose()


def read_parts(parts: Chunks, loop: AbstractEventLoop) -> Iterator[bytes]:
    """Give parts, which are made in a loop, to a server of WSGI."""

    async def next_part() -> bytes | None:
        return await anext(parts, None)

    async def close() -> None:
        await parts.aclose()

    try:
        while True:
            part = run_coroutine_threadsafe(next_part(), loop).result()
            if part is None:
                return
            yield part
    finally:
        run_coroutine_threadsafe(close(), loop).result()
