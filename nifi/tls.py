"""The certificate that we show a NiFi or a Registry, and whom we trust it by: files that the environment names.

| variable | names |
|---|---|
| SLUICE_NIFI_CA | the authority's certificate, PEM |
| SLUICE_NIFI_CERTIFICATE | our client certificate, PEM |
| SLUICE_NIFI_KEY | its key, PEM |
"""

import os
import ssl
from dataclasses import dataclass
from typing import Self

from nifi.errors import CertificateError


@dataclass(frozen=True, slots=True)
class Certificates:
    """Paths of PEM files; an empty path stands for none."""

    ca: str = ""
    certificate: str = ""
    key: str = ""

    @classmethod
    def of_environment(cls) -> Self:
        """Read the variables."""
        return cls(*(os.environ.get(f"SLUICE_NIFI_{name}", "") for name in ("CA", "CERTIFICATE", "KEY")))

    def context(self) -> ssl.SSLContext:
        """What connections are secured by; the system's authorities where none is named.

        Raises:
            CertificateError: a file is missing or is not what it should be.
        """
        try:
            context = ssl.create_default_context(cafile=self.ca or None)
            if self.certificate:
                context.load_cert_chain(self.certificate, self.key or None)
        except (OSError, ssl.SSLError) as error:
            message = f"The certificates for NiFi cannot be used: {error.strerror or type(error).__name__}."
            raise CertificateError(message) from error
        return context
