"""Why an association came to nothing, or was odd: one row a cause, with what happened and what to change.

The names are what engines, the log, the ledger and metrics say; the words are made when somebody reads them. A row
may use `calling_ae`, `called_ae`, `address`, `peer` (the peer's name in the peers file, or "the sender") and `detail`
(UIDs, numbers and codes, never a value of a patient).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened, and who has to change what."""

    sentence: str
    remedy: str


CAUSES: Final[dict[str, Cause]] = {
    # The association was rejected
    "unknown-caller": Cause(
        "{calling_ae} at {address} is not in the peers file, and unknown callers are rejected.",
        "If it may send, add {calling_ae} to ae_titles under `sends` of a peer in the peers file.",
    ),
    "wrong-address": Cause(
        "{calling_ae} called from {address}, which is not among the addresses of peer {peer}.",
        "If the device has moved, add {address} to the peer's addresses; otherwise find out who uses its AE title.",
    ),
    "wrong-called-ae": Cause(
        "{calling_ae} at {address} called {called_ae}, which is not our AE title ({detail}).",
        "Enter {detail} as the AE title of this destination at the device, or add {called_ae} to called_ae_titles.",
    ),
    "not-encrypted": Cause(
        "{calling_ae} at {address} came without TLS, which peer {peer} must use.",
        "Have the device send to the port with TLS, or take `tls` from the peer in the peers file.",
    ),
    "wrong-certificate": Cause(
        "{calling_ae} at {address} showed a certificate that is not of peer {peer} ({detail}).",
        "Compare the peer's tls names and sha256 with the device's certificate; it may have been renewed.",
    ),
    "too-many-associations": Cause(
        "Peer {peer} wanted more than its {detail} associations at one time.",
        "Raise limits.associations of the peer, or have the device open fewer; it may also have left some open.",
    ),
    "receiver-full": Cause(
        "{calling_ae} at {address} came when the receiver had {detail} associations, which is its limit.",
        "See by the open associations who holds so many; a device may open them and never release them.",
    ),
    "congestion": Cause(
        "{calling_ae} at {address} was rejected for the moment, as the receiver runs short of {detail}.",
        "Nothing at the device, which will try again; see the doctor's line about that shortage.",
    ),
    "stopping": Cause(
        "{calling_ae} at {address} came while the receiver was ending.",
        "Nothing: the device will try again.",
    ),
    "application-context": Cause(
        "{calling_ae} at {address} asked for an application context other than DICOM's ({detail}).",
        "This is no DICOM device, or its software is defective: ask its vendor.",
    ),
    "protocol-version": Cause(
        "{calling_ae} at {address} speaks another version of the DICOM upper layer protocol.",
        "This is no DICOM device, or its software is defective: ask its vendor.",
    ),
    # Negotiated, but to no avail
    "no-sop-class": Cause(
        "{calling_ae} at {address} offered no SOP class that it may send here; among those offered: {detail}.",
        "Add the class to sop_classes of peer {peer}, or have the device send objects, not queries, to this port.",
    ),
    "no-transfer-syntax": Cause(
        "{calling_ae} at {address} has no transfer syntax in common with what {peer} may send; it offered {detail}.",
        "Add one of them to transfer_syntaxes of the peer, or switch the device to an allowed one.",
    ),
    "some-contexts-refused": Cause(
        "{calling_ae} at {address} offered more than it may send; refused were: {detail}.",
        "Nothing if these objects are not wanted; otherwise add them under `sends` of peer {peer}.",
    ),
    # In the middle
    "aborted": Cause(
        "{calling_ae} at {address} aborted the association itself.",
        "Look at the device's log; it does this when a user cancels, or when an answer takes it too long.",
    ),
    "lost": Cause(
        "The connection of {calling_ae} at {address} ended without a release or abort.",
        "Look for a switched-off device, a firewall that ends long connections, or a broken cable.",
    ),
    "no-objects": Cause(
        "{calling_ae} at {address} opened and released an association without sending anything.",
        "Nothing if this was a test; otherwise compare what the device wants to send with what peer {peer} may.",
    ),
    "silence": Cause(
        "{calling_ae} at {address} kept an association open for {detail} s without a byte, and was ended.",
        "Have the device release associations when it has nothing to send; a firewall may also have cut the line.",
    ),
    "too-slow": Cause(
        "{calling_ae} at {address} stopped or sent next to nothing within a message ({detail}), and was ended.",
        "Look for a bad line or a device that hangs; what it had not finished was not kept.",
    ),
    "pdu-too-long": Cause(
        "{calling_ae} at {address} sent a PDU of {detail} bytes, longer than was agreed.",
        "The device ignores the maximum length that it was given: ask its vendor, or set its PDU size to 16384.",
    ),
    "protocol-error": Cause(
        "{calling_ae} at {address} sent what the protocol does not allow at this point ({detail}).",
        "Ask the device's vendor; until then, see whether another of its transfer settings helps.",
    ),
    "objects-refused": Cause(
        "Of what {calling_ae} at {address} sent, objects were refused ({detail}).",
        "The codes are explained in the conformance of the receiver; the device keeps these objects and may retry.",
    ),
    "day-used-up": Cause(
        "Peer {peer} has sent its {detail} bytes of this day; more is refused until midnight UTC.",
        "Raise limits.bytes_per_day of the peer, or find out why it sends so much.",
    ),
    "quarantined": Cause(
        "{calling_ae} at {address} is not in the peers file; what it sent is kept and waits for a person.",
        "Add it to the peers file if it may send, then `sluice peers release {calling_ae}`.",
    ),
    # By HTTP
    "no-token": Cause(
        "{address} wanted to upload by HTTP without a token, and unknown callers are rejected.",
        "If it may send, give it a token: `sluice peers token` makes one and says what to write into the peers file.",
    ),
    "unknown-token": Cause(
        "{address} wanted to upload by HTTP with a token that no peer has.",
        "Compare the token at the sender with the one that was made; the peers file has its SHA-256 under `tokens`.",
    ),
    "upload-malformed": Cause(
        "{calling_ae} at {address} sent what cannot be read as an upload ({detail}).",
        "Ask the sender's vendor; something in between may also change requests or cut them off.",
    ),
    "upload-not-served": Cause(
        "{calling_ae} at {address} asked by HTTP for what is not served here ({detail}).",
        "Have it POST whole instances (multipart/related; type=application/dicom) to /studies, or one to /instances.",
    ),
    "upload-slow": Cause(
        "{calling_ae} at {address} sent less than 64 KiB of an upload in {detail} s of waiting, and was ended.",
        "Look for a bad line or a sender that hangs; it may upload again, what was stored is known.",
    ),
    # Storage commitment
    "commitment-off": Cause(
        "{calling_ae} at {address} asked whether objects are kept, which is not switched on for it ({detail}).",
        "If it may delete its own copies then, give peer {peer} `storage_commitment` under `sends` in the peers file.",
    ),
    "commitment-failed": Cause(
        "{calling_ae} at {address} asked whether objects are kept, and some are not ({detail}).",
        "See which with `sluice commitment list --peer {calling_ae}`; have the device send those that are not here.",
    ),
    "commitment-damaged": Cause(
        "Objects of {calling_ae} are no longer what was received, in deliveries {detail}; they were not committed to.",
        "Have the device send them again, and examine the disk of the landing.",
    ),
    "commitment-no-address": Cause(
        "{calling_ae} at {address} asked for storage commitment, and the peers file does not say where to answer.",
        "Give peer {peer} ae_title, host and port in the peers file; the answer is sent as soon as it has them.",
    ),
    "commitment-not-reported": Cause(
        "A storage commitment answer for {calling_ae} could not be delivered ({detail}); it is tried again.",
        "Try `sluice peers check {peer}`; the device must accept storage commitment reports from our AE title.",
    ),
    "commitment-late": Cause(
        "{calling_ae} could not be told that its objects are kept before half of the promised days were over; it is"
        " told a failure ({detail}).",
        "Try `sluice peers check {peer}`; once it answers, have the device ask again.",
    ),
    # Performed procedure steps
    "performed-steps-off": Cause(
        "{calling_ae} at {address} sent a performed procedure step (MPPS), which it may not send here.",
        "If it sends all that it makes here, give peer {peer} `performed_steps: true` under `sends` in the peers file;"
        " otherwise switch MPPS to this destination off at the device.",
    ),
    "performed-step-refused": Cause(
        "A performed procedure step (MPPS) of {calling_ae} at {address} was refused ({detail}).",
        "The statuses are explained in the conformance of the receiver; show them to the device's vendor.",
    ),
    # No association was asked for
    "not-dicom": Cause(
        "{address} connected and sent what is no DICOM ({detail}).",
        "Find out what runs there: a port scanner, a browser, or a device that uses TLS on the port without it.",
    ),
    "tls-on-plain-port": Cause(
        "{address} began TLS on the port without TLS.",
        "Have the device send to the port with TLS, or switch TLS off at the device.",
    ),
    "plain-on-tls-port": Cause(
        "{address} came without TLS to the port with TLS.",
        "Have the device use TLS, or send to the port without it.",
    ),
    "no-request": Cause(
        "{address} connected and asked for no association within {detail} s.",
        "Nothing if it is a monitor or load balancer; otherwise the device hangs or something in between drops data.",
    ),
    "associate-malformed": Cause(
        "{address} sent an association request that cannot be read ({detail}).",
        "Ask the device's vendor; a port scanner does this too.",
    ),
    "no-certificate": Cause(
        "{address} came with TLS and showed no certificate.",
        "Give the device a certificate that our authorities have signed, and switch client authentication on.",
    ),
    "certificate-expired": Cause(
        "{address} showed a certificate that has expired.",
        "Renew the device's certificate; see also that its clock is right.",
    ),
    "certificate-not-yet-valid": Cause(
        "{address} showed a certificate that is not valid yet.",
        "See that the clocks of the device and of this machine are right.",
    ),
    "certificate-unknown-authority": Cause(
        "{address} showed a certificate that none of our authorities has signed.",
        "Add its authority to --tls-authority, or give the device a certificate of one that is there.",
    ),
    "certificate-refused": Cause(
        "{address} showed a certificate that does not pass ({detail}).",
        "Give the device a new certificate: RSA of 2048 bits or more, or elliptic, signed with SHA-256 or better.",
    ),
    "our-certificate-refused": Cause(
        "{address} does not accept the receiver's certificate ({detail}).",
        "Enter our authority's certificate at the device, and see that ours names this host and has not expired.",
    ),
    "tls-version": Cause(
        "{address} speaks no version of TLS that is allowed; 1.2 is the lowest.",
        "Update the device, or put a TLS gateway in front of it; older versions are not safe.",
    ),
    "tls-cipher": Cause(
        "{address} has no cipher suite in common with the BCP 195 profile.",
        "Switch on ECDHE with AES-GCM at the device.",
    ),
    "tls-timeout": Cause(
        "{address} began TLS and did not finish within {detail} s.",
        "See whether something in between drops data; a port scanner does this too.",
    ),
    "tls-failed": Cause(
        "{address} and the receiver could not agree on TLS ({detail}).",
        "Compare the device's TLS settings with the BCP 195 profile of PS3.15.",
    ),
    # Nobody called
    "peer-silent": Cause(
        "Peer {peer} has sent nothing since {detail}, which is too long for its rhythm.",
        "See that the device works and reaches us; `sluice peers rhythm` shows what is usual. If it rests, say so by"
        " `quiet` or `expects: none` in the peers file.",
    ),
    # In the landing
    "files-missing": Cause(
        "What {calling_ae} had sent is gone from the landing ({detail}): its folder was deleted before all destinations"
        " had it.",
        "Put the folder back from a backup, then `sluice landing release` the delivery; or have the device send again"
        " and `sluice landing end` it. Nobody but Sluice may delete in the landing.",
    ),
    # Of the receiver itself
    "pressure-disk": Cause(
        "The landing's disk is below its reserve of {detail}: objects are refused (A700), and stay at their senders.",
        "Free the disk: see what is not confirmed and why; it goes on by itself as soon as there is room.",
    ),
    "pressure-descriptors": Cause(
        "Fewer than {detail} file descriptors are free: objects are refused and associations rejected for the moment.",
        "Raise the service's limit of open files (LimitNOFILE), or see who holds so many associations.",
    ),
    "pressure-backlog-bytes": Cause(
        "More than {detail} in the landing are not confirmed: objects are refused (A700), and stay at their senders.",
        "See why deliveries are not confirmed; it goes on by itself when enough are.",
    ),
    "pressure-backlog-objects": Cause(
        "More than {detail} objects in the landing are not confirmed: objects are refused (A700).",
        "See why deliveries are not confirmed; it goes on by itself when enough are.",
    ),
    "pressure-backlog-deliveries": Cause(
        "More than {detail} deliveries wait for NiFi to take them up: objects are refused (A700).",
        "See that NiFi runs and that its ListenDICOM is started; it goes on by itself.",
    ),
    "pressure-ledger-queue": Cause(
        "More than {detail} rows wait in memory for the ledger: associations are rejected and objects refused (A700).",
        "See in the receiver's log what the ledger's disk or another writer does; it goes on by itself.",
    ),
    "pressure-ledger": Cause(
        "The ledger is damaged or cannot be written: associations are rejected and objects refused (A700).",
        "Stop the receiver, then `sluice ledger rebuild`, which makes the ledger anew from the landing; nothing that"
        " was acknowledged is lost. If only its disk was read-only, mend that: it goes on by itself.",
    ),
    "ledger-entry-refused": Cause(
        "The ledger refuses entries for good ({detail}); what they are of is in the landing.",
        "Restart the receiver, which enters it; `sluice ledger reconcile` names what is missing. Report it: it is a"
        " fault of Sluice.",
    ),
    "pressure-over": Cause(
        "The receiver takes objects again, as far as {detail} was the matter.",
        "Nothing; see that the devices have sent again what was refused.",
    ),
    "peers-file-broken": Cause(
        "The peers file cannot be used, so the former one still holds: {detail}",
        "Mend the line that is named; the file is read again by itself.",
    ),
    "certificate-files-broken": Cause(
        "The receiver's certificate files cannot be used, so the former ones still hold: {detail}",
        "Mend the files that are named; they are read again by themselves.",
    ),
    "our-certificate-expires": Cause(
        "The receiver's certificate expires {detail}.",
        "Write a new certificate and key into the same files; they are read again by themselves.",
    ),
    "peer-certificate-expires": Cause(
        "The certificate of {calling_ae} at {address} expires {detail}.",
        "Renew the device's certificate; if the peers file names its sha256, change that too.",
    ),
}

_UNKNOWN: Final = Cause("{calling_ae} at {address}: {detail}.", "Look at the receiver's log.")
_LONGEST: Final = 512


def explain(
    cause: str, *, calling_ae: str = "", called_ae: str = "", address: str = "", peer: str = "", detail: str = ""
) -> tuple[str, str]:
    """The sentence and the remedy of a cause; a cause that this version does not know is shown by its name."""
    row = CAUSES.get(cause, _UNKNOWN)
    facts = {
        "calling_ae": printable(calling_ae) or "a caller without name",
        "called_ae": printable(called_ae) or "nobody",
        "address": printable(address) or "an unknown address",
        "peer": printable(peer) or "the sender",
        "detail": printable(detail) or cause,
    }
    return row.sentence.format(**facts), row.remedy.format(**facts)


def printable(text: str) -> str:
    """Text from outside, so that it can neither break a line nor steer a terminal, and has an end."""
    text = text.strip()
    if not text.isprintable():
        text = "".join(each if each.isprintable() else "?" for each in text)
    return text[:_LONGEST]
