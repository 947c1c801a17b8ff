"""Debian's Orthanc as the PACS of a test; a test without its peer fails.

```
with Orthanc(tmp_path / "pacs", knows={"SLUICE": receiver.port}) as pacs:
    pacs.add(write_ct_series(tmp_path / "ct", slices=3))
    pacs.kill()
    pacs.start()  # the same ports and storage
```
"""

from pathlib import Path

from processors.peers import Peer
from sluice.demo.orthanc import HOST, Orthanc

__all__ = ["HOST", "Orthanc", "peer_of", "write_peers"]


def peer_of(pacs: Orthanc, name: str = "pacs", **settings: object) -> Peer:
    """How `trusted/peers.yaml` would describe it."""
    return Peer.model_validate(
        {"name": name, "ae_title": pacs.ae_title, "host": HOST, "port": pacs.port, "calling_ae_title": "SLUICE"}
        | settings
    )


def write_peers(trusted: Path, pacs: Orthanc, name: str = "pacs", **settings: object) -> None:
    """Write `trusted/peers.yaml` with this PACS as its one peer."""
    written = {"ae_title": pacs.ae_title, "host": HOST, "port": pacs.port, "calling_ae_title": "SLUICE"} | settings
    lines = [f"peers:\n  {name}:\n", *(f"    {key}: {value}\n" for key, value in written.items())]
    trusted.mkdir(parents=True, exist_ok=True)
    (trusted / "peers.yaml").write_text("".join(lines))
