"""A real provider of OpenID Connect on loopback: oidc-provider-mock, in a process of its own."""

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx

from tests.loopback import free_port
from tests.waiting import wait_for

PROGRAM = Path(__file__).with_name("openid_program.py")


class OpenidProvider:
    """Knows users and their claims; `kill` and `start` as a test likes."""

    def __init__(self, folder: Path) -> None:
        self.log = folder / "provider.log"
        self.port = free_port()
        self.issuer = f"http://127.0.0.1:{self.port}"
        self.http = httpx.Client(base_url=self.issuer, trust_env=False, timeout=60)

    def start(self) -> "OpenidProvider":
        with self.log.open("ab") as stream:
            command = [sys.executable, str(PROGRAM), str(self.port)]
            self.process = subprocess.Popen(command, stdout=stream, stderr=stream)
        wait_for(self._answers, 120, complaint=self.log.read_text)
        return self

    def _answers(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.http.get("/.well-known/openid-configuration").status_code == 200
        except httpx.HTTPError:
            return False

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        self.http.close()
        self.kill()

    def user(self, subject: str, **claims: Any) -> None:
        """Let it know somebody, or change what it says of them."""
        assert self.http.put(f"/users/{subject}", json=claims).status_code == 204

    def rotate(self) -> None:
        """From now on it signs with another key."""
        assert self.http.post("/test/rotate").status_code == 200

    def sign(self, **claims: Any) -> str:
        """A token as it would sign it for a program."""
        now = int(time.time())
        said = {"iss": self.issuer, "sub": "program", "iat": now, "exp": now + 300, **claims}
        return self.http.post("/test/sign", json=said).text

    def consent(self, url: str, subject: str, action: str = "authorize") -> str:
        """Be the person at its page: sign in, and say where it sends the browser."""
        answer = self.http.post(url.removeprefix(self.issuer), data={"sub": subject, "action": action})
        assert answer.status_code == 302, answer.text
        return answer.headers["location"]
