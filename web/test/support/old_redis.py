"""A server that answers as a Redis 6.2 does, as far as Page Tracker asks it."""

from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

NOT_COMPILED = (
    b"-ERR Error compiling script (new function): user_script:1: "
    b"unexpected symbol near '#'\r\n"
)
INFO = b"# Server\r\nredis_version:6.2.14\r\n"


class Answers(StreamRequestHandler):
    """Answers each command by its name."""

    def handle(self) -> None:
        """Answer until the client closes the connection."""
        while count := self.rfile.readline()[1:]:
            words = [self._read_word() for _ in range(int(count))]
            if words[0] == b"EVAL":
                self.wfile.write(NOT_COMPILED)
            elif words[0] == b"INFO":
                self.wfile.write(b"$%d\r\n%s\r\n" % (len(INFO), INFO))
            else:
                self.wfile.write(b"+OK\r\n")

    def _read_word(self) -> bytes:
        size = int(self.rfile.readline()[1:])
        return self.rfile.read(size + 2)[:-2]


@contextmanager
def old_redis() -> Iterator[str]:
    """Run the server, and give its URL."""
    with ThreadingTCPServer(("127.0.0.1", 0), Answers) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"redis://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
