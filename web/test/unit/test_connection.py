"""The times of a connection, without waiting for them, and its order."""

import asyncio
import socket
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from page_tracker.http.long_answers import BrokenOff
from page_tracker.operating.connection import Connection, Connections

HEAD = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
BODY = b"POST /early HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n123456789"
LONG = HEAD.replace(b"/ ", b"/long ")
HALF_A_HEAD = HEAD[:9]
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345"


class Client:
    """A client as the transport of its connection shows it."""

    def __init__(self) -> None:
        self.answers = b""
        self.is_aborted = self.is_closed = self.is_half_closed = False
        self.is_read = True
        self.not_taken = 0

    def get_write_buffer_size(self) -> int:
        """Return the bytes that the client has not taken."""
        return self.not_taken

    def write(self, data: bytes) -> None:
        """Take what is written."""
        assert not self.is_half_closed
        self.answers += data

    def write_eof(self) -> None:
        """Take the end of what is written."""
        self.is_half_closed = True

    def abort(self) -> None:
        """Lose the connection."""
        self.is_aborted = True

    def close(self) -> None:
        """Lose the connection after what was written."""
        self.is_closed = True

    def is_closing(self) -> bool:
        """Return whether the connection ends."""
        return self.is_closed or self.is_aborted

    def pause_reading(self) -> None:
        """Read no more."""
        self.is_read = False

    def resume_reading(self) -> None:
        """Read again."""
        self.is_read = True

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        """Return nothing."""
        return default


class Visit:
    """A connection, its client, and the application behind it."""

    def __init__(self, peer: socket.socket) -> None:
        self.loop = asyncio.get_running_loop()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.may_end = asyncio.Event()
        self.is_broken = False
        self.connections = Connections()
        self.connection = Connection(
            self.answer, self.connections, peer, ("192.0.2.1", 1), self.loop
        )
        self.client = Client()
        self.connection.connection_made(self.client)

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer with the path, when it may."""
        path = scope["path"]
        message = {"more_body": path != "/early"}
        while message["more_body"]:
            message = await receive()
        await self.may_answer.wait()
        if path == "/silent":
            return
        is_long = path == "/long"
        length = (b"Content-Length", str(len(path)).encode())
        headers = [] if is_long else [length]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if path == "/fault":
            raise ValueError
        if is_long:
            part = {"type": "http.response.body", "body": b"some", "more_body": True}
            await send(part)
            await self.may_end.wait()
            if self.is_broken:
                raise BrokenOff
        is_half = path == "/half"
        body = path[:2] if is_half else path
        part = {"type": "http.response.body", "body": body.encode()}
        await send(part | {"more_body": is_half})
        if is_half:
            raise CancelledError

    async def send(self, data: bytes) -> None:
        """Send bytes, and let the application answer."""
        self.connection.data_received(data)
        await self.wait()

    async def wait(self) -> None:
        """Let the application run until it has nothing to do."""
        for _ in range(20):
            await asyncio.sleep(0)

    def look(self, seconds: float) -> None:
        """Look at the deadline as if some seconds had passed."""
        self.connection.look_at_deadline(self.loop.time() + seconds)


@contextmanager
def peers() -> Iterator[socket.socket]:
    """Give a socket without anything to read."""
    near, far = socket.socketpair()
    with near, far:
        yield near


def visited(test: Callable[[Visit], Awaitable[None]]) -> None:
    """Run a test in a loop, with a visit."""

    async def run() -> None:
        with peers() as peer:
            visit = Visit(peer)
            await test(visit)
            visit.connection.connection_lost(None)
            visit.may_answer.set()
            await visit.wait()

    asyncio.run(run())


@pytest.mark.parametrize(
    ("sent", "seconds"), [(b"", 20), (HALF_A_HEAD, 20), (HEAD, 20), (b"\r\n", 20)]
)
def test_should_close_when_no_request_comes_in_time(sent: bytes, seconds: int) -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(sent)

        # When
        visit.look(seconds - 1)
        was_closed = visit.client.is_closing()
        visit.look(seconds + 1)

        # Then
        assert not was_closed
        assert visit.client.is_aborted

    visited(test)


def test_should_give_no_more_time_when_a_head_comes_in_drops() -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(HALF_A_HEAD)
        deadline = visit.connection.deadline

        # When
        await visit.send(HEAD[9:12])

        # Then
        assert visit.connection.deadline == deadline

    visited(test)


def test_should_say_so_when_a_body_does_not_come_in_time() -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(HALF_A_BODY)

        # When
        visit.look(59)
        early = visit.client.answers
        visit.look(81)
        answer = visit.client.answers
        visit.look(90)

        # Then
        assert early == b""
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert visit.client.is_aborted

    visited(test)


def test_should_wait_when_the_application_takes_long() -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.may_answer.clear()
        await visit.send(HEAD)

        # When
        visit.look(1_000)
        visit.may_answer.set()
        await visit.wait()

        # Then
        assert visit.client.answers.endswith(b"\r\n\r\n/")
        assert not visit.client.is_closing()

    visited(test)


def test_should_close_when_a_client_takes_no_answer() -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.may_answer.clear()
        await visit.send(HEAD)
        visit.connection.pause_writing()

        # When
        visit.look(19)
        was_closed = visit.client.is_closing()
        visit.look(21)

        # Then
        assert not was_closed
        assert visit.client.is_aborted

    visited(test)


def test_should_close_when_a_client_never_takes_the_last_answer() -> None:
    async def run() -> None:
        near, far = socket.socketpair()
        with near, far:
            # Given: the answer is in the buffers, and more comes that nobody reads
            visit = Visit(near)
            await visit.send(HEAD.replace(b"Host", b"Connection: close\r\nHost"))
            far.sendall(HEAD)
            was_closed = visit.client.is_closed

            # When
            visit.look(21)

            # Then
            assert was_closed
            assert visit.client.is_aborted

    asyncio.run(run())


def test_should_not_close_when_a_request_has_come_that_was_not_read() -> None:
    async def run() -> None:
        near, far = socket.socketpair()
        with near, far:
            # Given
            visit = Visit(near)
            await visit.send(HEAD)
            far.sendall(HEAD)

            # When
            visit.look(21)

            # Then
            assert not visit.client.is_closing()

    asyncio.run(run())


@pytest.mark.parametrize("request_", [HEAD, HALF_A_BODY + b"6789"])
def test_should_read_no_more_while_requests_wait(request_: bytes) -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.may_answer.clear()

        # When
        await visit.send(1_000 * request_)
        queued, is_read = len(visit.connection.requests), visit.client.is_read
        await visit.send(1_000 * request_)
        visit.may_answer.set()
        while visit.connection.requests:
            await visit.wait()

        # Then
        assert queued < 200
        assert not is_read
        assert visit.client.answers.count(b"HTTP/1.1 200 ") == 2_000
        assert visit.client.is_read

    visited(test)


def test_should_close_after_the_last_request_when_the_worker_ends() -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.may_answer.clear()
        await visit.send(HEAD)

        # When
        visit.connections.is_draining = True
        visit.connection.drain()
        await visit.send(HEAD + HEAD)
        visit.may_answer.set()
        await visit.wait()

        # Then
        assert visit.client.answers.count(b"HTTP/1.1 200 ") == 3
        assert visit.client.answers.count(b"Connection: close") == 1
        assert visit.client.is_closed

    visited(test)


def test_should_let_a_client_read_when_it_still_sends() -> None:
    async def test(visit: Visit) -> None:
        # When
        await visit.send(b"nonsense\r\n\r\n")
        was_closed = visit.client.is_closing()
        await visit.send(b"more")
        visit.look(3)

        # Then
        assert visit.client.answers.count(b"HTTP/1.1 400 ") == 1
        assert visit.client.is_half_closed
        assert not was_closed
        assert visit.client.is_aborted

    visited(test)


@pytest.mark.parametrize("path", [b"/fault", b"/silent"])
def test_should_answer_with_an_error_and_log_it_when_the_application_fails(
    path: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(visit: Visit) -> None:
        # When
        await visit.send(HEAD.replace(b"/", path, 1) + HEAD)

        # Then
        assert visit.client.answers.startswith(b"HTTP/1.1 500 ")
        assert visit.client.answers.count(b"HTTP/1.1 ") == 1
        assert visit.client.is_half_closed

    visited(test)
    assert "The application failed" in caplog.text
    assert "Traceback" in caplog.text


def test_should_close_when_the_application_fails_in_the_middle_of_an_answer() -> None:
    async def test(visit: Visit) -> None:
        # When
        await visit.send(HEAD.replace(b"/", b"/half", 1))

        # Then
        assert visit.client.answers.endswith(b"\r\n\r\n/h")
        assert visit.client.is_closed

    visited(test)


def test_should_be_idle_from_the_end_of_a_body_when_its_answer_was_early() -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(BODY[:-5])
        await visit.send(BODY[-5:])

        # When
        visit.look(19)
        was_closed = visit.client.is_closing()
        visit.look(21)

        # Then
        assert not was_closed
        assert visit.client.is_aborted

    visited(test)


def test_should_skip_a_body_when_its_answer_was_early() -> None:
    async def test(visit: Visit) -> None:
        # When
        await visit.send(BODY[:-5])
        early = visit.client.answers
        await visit.send(BODY[-5:] + HEAD)

        # Then
        assert early.endswith(b"\r\n\r\n/early")
        assert visit.client.answers.endswith(b"\r\n\r\n/")
        assert visit.client.answers.count(b"HTTP/1.1 200 ") == 2
        assert not visit.client.is_closing()

    visited(test)


def test_should_refuse_half_a_body_when_it_waited_for_requests_before_it() -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.may_answer.clear()
        await visit.send(HEAD + HEAD)
        await visit.send(HALF_A_BODY)
        visit.connection.eof_received()

        # When
        visit.may_answer.set()
        await visit.wait()

        # Then
        assert visit.client.answers.count(b"HTTP/1.1 200 ") == 2
        assert visit.client.answers.count(b"HTTP/1.1 400 ") == 1
        assert visit.client.is_closed

    visited(test)


def test_should_read_no_more_when_the_application_reads_no_body() -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.may_answer.clear()
        body = BODY.replace(b"123456789", 99_999 * b"1").replace(b": 9", b": 199999")

        # When
        await visit.send(body)
        is_read = visit.client.is_read
        visit.may_answer.set()
        await visit.wait()

        # Then
        assert not is_read
        assert visit.client.is_read

    visited(test)


def test_should_answer_when_the_client_has_taken_what_was_written() -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.connection.pause_writing()
        await visit.send(HEAD)
        early = visit.client.answers

        # When
        visit.connection.resume_writing()
        await visit.wait()

        # Then
        assert early == b""
        assert visit.client.answers.endswith(b"\r\n\r\n/")

    visited(test)


def test_should_close_a_long_answer_only_when_its_client_takes_nothing() -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(LONG)
        visit.client.not_taken = 100_000
        visit.connection.pause_writing()

        # When
        visit.client.not_taken = 90_000
        visit.look(61)
        visit.client.not_taken = 89_999
        visit.look(122)
        was_aborted = visit.client.is_aborted
        visit.look(183)

        # Then
        assert not was_aborted
        assert visit.client.is_aborted

    visited(test)


def test_should_close_a_usual_answer_in_time_although_its_client_takes_some() -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(HEAD)
        visit.client.not_taken = 100_000
        visit.connection.pause_writing()

        # When
        visit.client.not_taken = 10
        visit.look(21)

        # Then
        assert visit.client.is_aborted

    visited(test)


def test_should_let_a_slow_client_take_the_end_of_a_long_answer() -> None:
    async def test(visit: Visit) -> None:
        # Given
        await visit.send(LONG.replace(b"1.1", b"1.0"))
        visit.client.not_taken = 100_000
        visit.may_end.set()
        await visit.wait()

        # When
        visit.client.not_taken = 50_000
        visit.look(61)
        was_aborted = visit.client.is_aborted
        visit.look(122)

        # Then
        assert visit.client.answers.endswith(b"some/long")
        assert visit.client.is_closed and not was_aborted
        assert visit.client.is_aborted

    visited(test)


def test_should_send_no_end_when_a_long_answer_breaks_off(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def test(visit: Visit) -> None:
        # Given
        visit.is_broken = True
        await visit.send(LONG)

        # When
        visit.may_end.set()
        await visit.wait()

        # Then
        assert visit.client.answers.endswith(b"\r\n\r\n4\r\nsome\r\n")
        assert visit.client.is_aborted

    visited(test)
    assert not caplog.records
