"""Whatever the bytes: treated without a planted value, or withheld; never an exception, never a hang."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors.deid import Treated, Withheld
from processors.deid.reasons import Reason
from tests.standard.corpus import canaries, ct, dataset, encoded, engine, nested, plant, rtstruct, seg, survivors

PLANTED = [each for each in canaries() if each.trace.startswith(b"CANARY")]
FILES = [
    encoded(nested(plant(ct(), PLANTED), plant(dataset(), PLANTED), 2), "explicit"),
    encoded(nested(plant(ct(), PLANTED), plant(dataset(), PLANTED), 1), "implicit"),
    encoded(plant(ct(), PLANTED), "big endian"),
    encoded(plant(seg([ct(1), ct(2)]), PLANTED)),
    encoded(plant(rtstruct([ct(1)]), PLANTED)),
    encoded(ct(), "deflated"),
]
ENGINE = engine()
FUZZ = settings(
    deadline=None, max_examples=300, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def outcome(file: bytes) -> None:
    result = ENGINE.treat(file)
    if isinstance(result, Withheld):
        assert result.reason in set(Reason) - {Reason.ENGINE_ERROR}
    else:
        assert isinstance(result, Treated)
        assert not survivors(b"".join(result.chunks), whole(file))


def whole(file: bytes) -> list:
    """The canaries that the mutation left in the file."""
    present = set(survivors(file, PLANTED))
    return [each for each in PLANTED if f"{each.tag:08X}" in present]


@FUZZ
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=8)), min_size=1, max_size=6),
)
def test_overwritten_bytes_leak_nothing(file, changes):
    mutated = bytearray(file)
    for where, content in changes:
        at = 132 + int(where * (len(file) - 140))
        mutated[at : at + len(content)] = content
    outcome(bytes(mutated))


@FUZZ
@given(st.sampled_from(FILES), st.floats(0, 1), st.integers(0, 64), st.binary(max_size=16))
def test_cut_or_inserted_bytes_leak_nothing(file, where, cut, inserted):
    at = 132 + int(where * (len(file) - 132))
    outcome(file[:at] + inserted + file[at + cut :])


@FUZZ
@given(st.sampled_from(FILES), st.floats(0, 1))
def test_truncated_files_leak_nothing(file, where):
    outcome(file[: int(where * len(file))])


@FUZZ
@given(st.binary(max_size=400))
def test_any_bytes_behind_a_header_are_withheld_or_treated(noise):
    outcome(FILES[0][:350] + noise)
    outcome(b"\0" * 128 + b"DICM" + noise)


@pytest.mark.parametrize("number", range(len(FILES)))
def test_the_files_themselves_are_treated(number):
    assert isinstance(ENGINE.treat(FILES[number]), Treated)
    outcome(FILES[number])
