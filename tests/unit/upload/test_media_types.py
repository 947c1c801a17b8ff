"""Media types as senders write them (RFC 9110 8.3.1), and as nobody should."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.dicom.upload.errors import RequestError
from processors.dicom.upload.fields import media_type


@pytest.mark.parametrize(
    ("written", "kind", "parameters"),
    [
        ("A/B; Type=\"c\"; x*=utf-8''y", "a/b", {"type": "c"}),
        ("a/b; x*0=c; x*1=d", "a/b", {"x": "cd"}),
        ("", "", {}),
    ],
)
def test_a_parameter_that_names_its_character_set_is_left_out(
    written: str, kind: str, parameters: dict[str, str]
) -> None:
    """RFC 8187."""
    assert media_type(written) == (kind, parameters)


@given(value=st.text(st.sampled_from("ab0*';=%\"\\ ,/"), max_size=40))
def test_any_text_is_read_or_refused(value: str) -> None:
    with suppress(RequestError):
        assert all(isinstance(text, str) for text in media_type(value)[1].values())


def test_a_number_of_thousands_of_digits_is_no_parameter() -> None:
    with pytest.raises(RequestError):
        media_type(f"a/b; c*{'1' * 5000}=d")
