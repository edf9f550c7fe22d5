"""A program that sends views with the token, as long as no request fails."""

from collections.abc import Callable
from threading import Event, Thread

import requests
from support import FIREFOX

PAGE = "/sent-by-a-program"


class Program:
    """It reads its token before each request, and remembers each failure."""

    def __init__(self, url: str, token: Callable[[], str], verify: str) -> None:
        self.sent = 0
        self.failures: list[str] = []
        self._url, self._token, self._verify = f"{url}/api/v1/views", token, verify
        self._leave = Event()
        self._thread = Thread(target=self._send)

    def __enter__(self) -> "Program":
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._leave.set()
        self._thread.join(60)

    def _send(self) -> None:
        view = {"site": "example.org", "page": PAGE, "user_agent": FIREFOX}
        with requests.Session() as session:
            session.trust_env = False
            while not self._leave.wait(0.1):
                session.headers["Authorization"] = f"Bearer {self._token()}"
                try:
                    answer = session.post(
                        self._url, json=view, verify=self._verify, timeout=30
                    )
                except requests.RequestException as error:
                    self.failures.append(repr(error))
                    continue
                if answer.ok:
                    self.sent += 1
                else:
                    self.failures.append(f"{answer.status_code}: {answer.text}")
