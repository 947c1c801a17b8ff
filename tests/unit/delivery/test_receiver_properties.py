"""What the canvas may say of an embedded receiver, and what NiFi's catalogue of types says of its properties."""

from pathlib import Path

import pytest

from nifi.releases.processor_types import find_type
from processors.delivery.errors import ReceiverPropertyError
from processors.delivery.receiver_properties import PROPERTIES, receiving
from processors.dicom.embedded import Receiving

HOME = Path("/srv/trusted")
TLS = {"TLS Port": "2762", "TLS Certificate": "/c.pem", "TLS Key": "/k.pem", "TLS Authority": "/a.pem"}


def told(**values: str) -> Receiving | None:
    defaults = {each["name"]: each.get("default_value") for each in PROPERTIES}
    return receiving(HOME, (defaults | values).get)


def test_a_receiver_is_attached_unless_somebody_says_otherwise() -> None:
    assert told() is None
    assert told(Receiver="attached", **{"Listening Port": "no port at all"}) is None


def test_an_embedded_receiver_has_the_ports_and_files_of_the_canvas() -> None:
    plain = told(Receiver="embedded")
    assert plain == Receiving(home=HOME, port=11112)
    both = told(Receiver="embedded", **TLS, **{"Peers File": "/p.yaml", "AE Title": " FRONT "})
    assert both is not None
    assert (both.port, both.tls_port, both.ae_title, both.peers) == (11112, 2762, "FRONT", Path("/p.yaml"))
    assert both.tls_authority == Path("/a.pem")


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"Listening Port": ""}, "needs a Listening Port"),
        ({"Listening Port": "dicom"}, "Listening Port is no port"),
        ({"Listening Port": "65536"}, "Listening Port is no port"),
        ({"TLS Port": "2762"}, "need each other"),
        ({"TLS Key": "/k.pem"}, "need each other"),
        ({**TLS, "TLS Port": ""}, "need each other"),
        ({"AE Title": "LONGER THAN SIXTEEN"}, "1 to 16"),
        ({"AE Title": "A\\B"}, "1 to 16"),
    ],
)
def test_what_does_not_go_together_is_said_in_words(values: dict[str, str], says: str) -> None:
    with pytest.raises(ReceiverPropertyError, match=says):
        told(Receiver="embedded", **values)


def test_flows_know_the_properties_with_their_defaults() -> None:
    known = find_type("ListenDICOM")
    assert known is not None
    ours = {each["name"]: each.get("default_value") for each in PROPERTIES}
    assert {name: one.default for name, one in known.properties.items() if name != "Trusted Home"} == ours
