"""What counts as storage, with pynetdicom's list as the oracle (PS3.4 annex B)."""

import pytest
from pynetdicom.presentation import AllStoragePresentationContexts
from pynetdicom.sop_class import (  # type: ignore[attr-defined]
    ModalityWorklistInformationFind,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelMove,
    Verification,
)

from processors.dicom.sop_class import is_storage


@pytest.mark.parametrize(
    "uid", [context.abstract_syntax for context in AllStoragePresentationContexts], ids=lambda uid: uid.name
)
def test_every_standard_storage_class_is_storage(uid: str) -> None:
    assert is_storage(uid)


@pytest.mark.parametrize(
    "uid",
    [
        Verification,
        StorageCommitmentPushModel,
        ModalityWorklistInformationFind,
        StudyRootQueryRetrieveInformationModelMove,
        "1.2.840.10008.1.3.10",
        "1.2.840.10008.1.2.1",
        "1.2.840.10008.9999",
    ],
)
def test_other_services_are_not(uid: str) -> None:
    assert not is_storage(uid)


@pytest.mark.parametrize("uid", ["1.2.840.10008.5.1.4.1.1.6", "1.2.840.10008.5.1.4.1.1.99999", "1.3.12.2.1107.5.9.1"])
def test_retired_future_and_private_classes_are_storage(uid: str) -> None:
    assert is_storage(uid)
