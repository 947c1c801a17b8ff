"""The receiver's limits hold for uploads too."""

from processors.dicom.gate import Gate
from processors.dicom.ports import listen_on
from processors.dicom.upload.connection import Timers
from processors.dicom.upload.ports import WithUploads
from processors.limits import ReceiverLimits


def test_each_limit_of_a_connection_is_that_of_the_receiver() -> None:
    gate, limits = Gate(None, None), ReceiverLimits(request=1, silence_inside=2, handshake=4, associations=5)
    dicom = listen_on("fast", "127.0.0.1", port=0, tls_port=None, ae_title="SLUICE", gate=gate, limits=limits)
    ports = WithUploads(dicom, "127.0.0.1", http_port=0, https_port=0, ae_title="SLUICE", gate=gate, limits=limits)
    for upload in ports._uploads.values():
        assert upload._timers == Timers(head=1, patience=2, handshake=4)
        assert upload._maximum == 5
