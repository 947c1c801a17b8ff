"""An embedded NiFi as the official image sets one up by AUTH=tls: HTTPS, client certificates, one administrator."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Self

import httpx

from nifi.distribution import launch
from nifi.distribution.assemble import install
from nifi.distribution.configure import Settings, configure
from nifi.distribution.service import find_java, plain_environment
from tests.loopback import free_port

_AUTHORIZERS = """<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<authorizers>
  <userGroupProvider>
    <identifier>file-user-group-provider</identifier>
    <class>org.apache.nifi.authorization.FileUserGroupProvider</class>
    <property name="Users File">./conf/users.xml</property>
    <property name="Initial User Identity 1">{admin}</property>
  </userGroupProvider>
  <accessPolicyProvider>
    <identifier>file-access-policy-provider</identifier>
    <class>org.apache.nifi.authorization.FileAccessPolicyProvider</class>
    <property name="User Group Provider">file-user-group-provider</property>
    <property name="Authorizations File">./conf/authorizations.xml</property>
    <property name="Initial Admin Identity">{admin}</property>
  </accessPolicyProvider>
  <authorizer>
    <identifier>managed-authorizer</identifier>
    <class>org.apache.nifi.authorization.StandardManagedAuthorizer</class>
    <property name="Access Policy Provider">file-access-policy-provider</property>
  </authorizer>
</authorizers>
"""


class SecuredNiFi:
    """Runs while it is a context; `secrets` is the trusted folder that `sluice secrets new` made."""

    def __init__(self, home: Path, secrets: Path, admin: str = "CN=operator") -> None:
        distribution, self._java = install(), find_java()
        self._instance = home / "nifi"
        self._port, self._management = free_port(), free_port()
        self.url = f"https://127.0.0.1:{self._port}"
        properties = configure(self._instance, Settings(distribution, Path(sys.executable), self._port))
        password = (secrets / "tls-password").read_text().strip()
        _set(
            properties,
            {
                "nifi.web.http.host": "",
                "nifi.web.http.port": "",
                "nifi.web.https.host": "127.0.0.1",
                "nifi.web.https.port": str(self._port),
                "nifi.security.keystore": str(secrets / "nifi.p12"),
                "nifi.security.keystoreType": "PKCS12",
                "nifi.security.keystorePasswd": password,
                "nifi.security.keyPasswd": password,
                "nifi.security.truststore": str(secrets / "truststore.p12"),
                "nifi.security.truststoreType": "PKCS12",
                "nifi.security.truststorePasswd": password,
                "nifi.security.user.authorizer": "managed-authorizer",
            },
        )
        (self._instance / "conf" / "authorizers.xml").write_text(_AUTHORIZERS.format(admin=admin))
        self._command = launch._command(self._java, distribution, properties, self._management)

    def __enter__(self) -> Self:
        with (self._instance / "logs" / "console.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._instance,
                env={**plain_environment(self._java), "PYTHONWARNINGS": "ignore"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + 300
        while not self._healthy():
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.2)
        return self

    def __exit__(self, *_: object) -> None:
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def log(self) -> str:
        """The end of its log."""
        return (self._instance / "logs" / "nifi-app.log").read_text()[-3000:]

    def _healthy(self) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self._management}/health", trust_env=False, timeout=20)
            socket.create_connection(("127.0.0.1", self._port), timeout=5).close()
        except (OSError, httpx.HTTPError):
            return False
        return answer.status_code == 200


def _set(properties: Path, values: dict[str, str]) -> None:
    """Change lines in place: NiFi refuses a key that is given twice."""
    text = properties.read_text("utf-8")
    for name, value in values.items():
        text, count = re.subn(
            rf"^{re.escape(name)}=.*$", lambda _, n=name, v=value: f"{n}={v}", text, flags=re.MULTILINE
        )
        assert count == 1, name
    properties.write_text(text, "utf-8")
