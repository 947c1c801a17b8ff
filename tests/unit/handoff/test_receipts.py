"""Receipts are signed, and a repeat is equal."""

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from handoff.errors import StartError
from handoff.receipts import ReceiptSigner

FACTS = ("shipment", "a" * 32, "b" * 64, 17, "lungs")


def verify(signer, signed) -> None:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(signer.public_key))
    key.verify(base64.b64decode(signed.signature), signed.receipt.signed_bytes())


def test_a_receipt_verifies_under_the_printed_public_key(tmp_path):
    signer = ReceiptSigner.load(tmp_path / "receipt.key")
    verify(signer, signer.sign(*FACTS))


def test_a_changed_receipt_does_not_verify(tmp_path):
    signer = ReceiptSigner.load(tmp_path / "receipt.key")
    signed = signer.sign(*FACTS)
    forged = signed.model_copy(update={"receipt": signed.receipt.model_copy(update={"size": 18})})
    with pytest.raises(InvalidSignature):
        verify(signer, forged)


def test_the_key_outlives_a_restart_and_a_repeated_receipt_is_equal(tmp_path):
    first = ReceiptSigner.load(tmp_path / "receipt.key").sign(*FACTS)
    assert ReceiptSigner.load(tmp_path / "receipt.key").sign(*FACTS) == first
    assert (tmp_path / "receipt.key").stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_may_read_is_refused(tmp_path):
    ReceiptSigner.load(tmp_path / "receipt.key")
    (tmp_path / "receipt.key").chmod(0o644)
    with pytest.raises(StartError, match="read by others"):
        ReceiptSigner.load(tmp_path / "receipt.key")
