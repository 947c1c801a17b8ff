"""Check a peer both ways, and say in words what is wrong and what to change.

| way | what is done |
|---|---|
| we call it | by TLS if so declared; C-ECHO; whether it takes storage, by negotiating; if asked, one test object |
| it calls us | what the peers file would answer to it, from its own address, to its uploads too; when it last sent |
"""

import socket
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from processors.dicom.admission import Caller, ClientCertificate, Rejection
from processors.dicom.admitted import SOON_SECONDS
from processors.dicom.associate import associated, echo
from processors.dicom.causes import explain
from processors.dicom.errors import CertificateFilesError, PeerError
from processors.dicom.peer_finding import Finding, age
from processors.dicom.peers_policy import PeersPolicy
from processors.dicom.storage_scu import send
from processors.dicom.tls import expiry
from processors.dicom.upload_check import refused_uploads, would_upload
from processors.peers import Peer, Peers
from processors.senders import Sender


def check(peers: Peers, name: str, ledger: sqlite3.Connection | None, *, store: bool) -> Iterator[Finding]:
    """Look at everything that can be looked at from here.

    Args:
        peers: The peers file.
        name: Which peer; it is in the file.
        ledger: What the receiver has seen of it; None if there is no ledger yet.
        store: Whether to store a test object, which the peer keeps.
    """
    called = peers.peers.get(name)
    if called is not None:
        yield from _we_call(called, store=store)
    sender = peers.senders.get(name)
    if sender is not None:
        yield from _it_calls(peers, sender, called)
        if ledger is not None:
            yield _last_seen(ledger, sender)
            at = None if called is None else _address_of(called)
            yield from refused_uploads(ledger, sender, frozenset() if at is None else frozenset({at}))


def _we_call(peer: Peer, *, store: bool) -> Iterator[Finding]:
    if peer.tls is not None and peer.tls.certificate is not None:
        yield _our_certificate(peer.name, peer.tls.certificate)
    try:
        echo(peer)
    except PeerError as error:
        yield Finding(peer.name, "to", "echo", False, str(error), error.remedy)
        return
    how = " by TLS" if peer.tls is not None else ""
    yield Finding(peer.name, "to", "echo", True, f"{peer.ae_title} answers{how} at {peer.host}:{peer.port}.")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "test.dcm"
        if store:
            yield _store(peer, file)
        else:
            yield _would_store(peer)


def _our_certificate(name: str, file: Path) -> Finding:
    """What we show it; whether it takes that, the handshake tells."""
    renew = f"Renew {file} and its key; they are read again for each association."
    try:
        left = expiry(file) - time.time()
    except CertificateFilesError as error:
        return Finding(name, "to", "certificate", False, str(error), "Mend `tls` of the peer in peers.yaml.")
    if left <= 0:
        return Finding(name, "to", "certificate", False, f"The certificate that we show has expired: {file}.", renew)
    if left < SOON_SECONDS:
        said = f"The certificate that we show expires in {age(left)}: {file}."
        return Finding(name, "to", "certificate", False, said, renew)
    return Finding(name, "to", "certificate", True, f"The certificate that we show holds for {age(left)}.")


def _would_store(peer: Peer) -> Finding:
    from pynetdicom import build_context
    from pynetdicom.sop_class import SecondaryCaptureImageStorage

    try:
        with associated(peer, [build_context(SecondaryCaptureImageStorage)]):
            pass
    except PeerError as error:
        remedy = "Allow storage for our AE title there; it answers C-ECHO, so address and port are right."
        return Finding(peer.name, "to", "storage", False, str(error), remedy)
    return Finding(peer.name, "to", "storage", True, "It takes objects from us; none was sent (--store sends one).")


def _store(peer: Peer, file: Path) -> Finding:
    _write_test_object(file)
    [sent] = send(peer, [file])
    if sent.outcome == "stored":
        return Finding(peer.name, "to", "store", True, "It has stored the test object of patient SLUICE^CHECK.")
    sentence = f"It did not store the test object ({sent.code})."
    remedy = "Allow storage of Secondary Capture for our AE title there, and see that it has room."
    return Finding(peer.name, "to", "store", False, sentence, remedy)


def _it_calls(peers: Peers, sender: Sender, called: Peer | None) -> Iterator[Finding]:
    """What each of its AE titles would be answered, from the address that its host name has."""
    address = _address_of(called) if called is not None else _first_address(sender)
    if address is None:
        remedy = "Mend the host name in the peers file, or in the name service."
        yield Finding(sender.name, "from", "admission", False, "The address of its host is not known.", remedy)
        return
    ours = (peers.receiver.called_ae_titles or ("SLUICE",))[0]
    tls = sender.sends.tls
    shown = None if tls is None else ClientCertificate(tls.names, (tls.sha256 or ("",))[0], time.time())
    for title in sender.ae_titles:
        caller = Caller(title, ours, address, encrypted=tls is not None, certificate=shown)
        answer = PeersPolicy(lambda: peers).admit(caller)
        if isinstance(answer, Rejection):
            sentence, remedy = explain(
                answer.cause,
                calling_ae=title,
                called_ae=ours,
                address=address,
                peer=answer.peer,
                detail=answer.detail,
            )
            yield Finding(sender.name, "from", "admission", False, sentence, remedy)
            continue
        words = ", with TLS and its certificate" if tls is not None else ""
        said = f"Our receiver lets it in as {title} from {address}{words}."
        yield Finding(sender.name, "from", "admission", True, said)
    yield from would_upload(peers, sender, address)


def _last_seen(ledger: sqlite3.Connection, sender: Sender) -> Finding:
    titles = sender.ae_titles or (sender.called,)
    marks = ", ".join("?" * len(titles))
    row = ledger.execute(
        f"SELECT opened_at, ending, acknowledged, refused FROM associations WHERE calling_ae IN ({marks})"  # noqa: S608
        " AND ending <> 'open' ORDER BY opened_at DESC LIMIT 1",
        titles,
    ).fetchone()
    if row is None:
        remedy = "Have the device send or echo to our receiver, then look again; `sluice doctor` says why it cannot."
        return Finding(sender.name, "from", "last seen", False, "It has never had an association with us.", remedy)
    ago = age(time.time() - row["opened_at"])
    sentence = f"It last had an association {ago} ago: {row['acknowledged']} objects kept, {row['refused']} refused."
    good = row["ending"] == "released" and not row["refused"]
    return Finding(
        sender.name, "from", "last seen", good, sentence, "" if good else f"`sluice doctor --peer {sender.name}`."
    )


def _address_of(peer: Peer) -> str | None:
    try:
        return str(socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        return None


def _first_address(sender: Sender) -> str:
    """An address that it may call from; any if it may call from anywhere."""
    networks = sender.sends.addresses
    return str(networks[0].network_address) if networks else "127.0.0.1"


def _write_test_object(file: Path) -> None:
    """A Secondary Capture of 8 x 8 pixels of nobody."""
    from pydicom.dataset import Dataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid

    one = Dataset()
    one.SOPClassUID, one.SOPInstanceUID = SecondaryCaptureImageStorage, generate_uid()
    one.StudyInstanceUID, one.SeriesInstanceUID = generate_uid(), generate_uid()
    one.PatientName, one.PatientID = "SLUICE^CHECK", "SLUICE-CHECK"
    one.PatientBirthDate = one.PatientSex = one.StudyDate = one.StudyTime = one.AccessionNumber = ""
    one.StudyID = one.ReferringPhysicianName = ""
    one.Modality, one.ConversionType, one.SeriesNumber, one.InstanceNumber = "OT", "SYN", 1, 1
    one.Rows = one.Columns = 8
    one.SamplesPerPixel, one.PhotometricInterpretation, one.PixelRepresentation = 1, "MONOCHROME2", 0
    one.BitsAllocated = one.BitsStored = 8
    one.HighBit, one.PixelData = 7, bytes(64)
    one.file_meta = FileMetaDataset()
    one.file_meta.MediaStorageSOPClassUID = one.SOPClassUID
    one.file_meta.MediaStorageSOPInstanceUID = one.SOPInstanceUID
    one.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    one.save_as(file, enforce_file_format=True)
