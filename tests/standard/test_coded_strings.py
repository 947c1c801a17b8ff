"""PS3.3 gives coded strings their terms: known ones pass, and what else is written in their form does not."""

import io

import pytest
from pydicom.uid import RLELossless

from processors.deid.actions import legal
from processors.deid.terms import Terms
from tests.standard.corpus import cleaned, ct, dataset, encoded, items, nested, output


@pytest.mark.parametrize(
    "value",
    [b"ORIGINAL\\PRIMARY\\AXIAL", b"DERIVED\\SECONDARY\\MPR ", b"BREATH_HOLD", b"YBR_FULL_422", b"M\\ND\\DIS2D\\FM4_1",
     b"ISO_10918_1", b"MONOCHROME2", b"ORIGINAL\\PRIMARY\\\\0001", b"", b"CT"],
)  # fmt: skip
def test_a_term_of_the_standard_or_a_short_one_passes_as_it_is(value):
    assert Terms().cleaned(value) is value


TERMS = """
    SEPARATE, CONTINUOUS, HAS OBS CONTEXT, HAS ACQ CONTEXT, HAS CONCEPT MOD, HAS PROPERTIES, INFERRED FROM, SELECTED
    FROM, CONTAINS, DATETIME, UIDREF, COMPOSITE, WAVEFORM, SCOORD3D, CONTAINER, MULTIPOINT, POLYLINE, CIRCLE,
    ELLIPSE, POLYGON, ELLIPSOID, MULTISEGMENT, PARTIAL, COMPLETE, UNVERIFIED, VERIFIED, PRELIMINARY, FOR
    PRESENTATION, FOR PROCESSING, CRANIOCAUDAL, DRAWING, DIGITIZED FILM, SCANNED DOCUMENT, MODIFIED, UNMODIFIED,
    REMOVED, LINEAR_EXACT, SIGMOID, SCINTILLATOR, FLUORESCENT, UNPAIRED, BILATERAL, CASSETTE, AUTOMATIC,
    SEMIAUTOMATIC, MANUAL, FRACTIONAL, OCCUPANCY, PROBABILITY, LABELMAP, BINARY, CLOSED_PLANAR, OPEN_PLANAR,
    CLOSEDPLANAR_XOR, LOCALIZER, RESAMPLED, DISTORTED, SAMPLED, QUANTITATIVE, SEQUENCED, STATIONARY, CONSTANT_ANGLE,
    PERFUSION, DIFFUSION, ECHO_PLANAR, STEADY_STATE, SPOILED, PARTIAL_FOURIER, TRANSVERSE, PROJECTION, SUBTRACTION,
    RETROSPECTIVE, PROSPECTIVE, BREATH_HOLD, SPECTRAL, DOPPLER
"""


@pytest.mark.parametrize("term", [" ".join(term.split()) for term in TERMS.split(",")])
def test_terms_of_images_reports_and_contours_are_known(term):
    """PS3.3 C.7.6, C.17 and C.8.8: what is lost here makes an object that no reader takes."""
    assert Terms().cleaned(term.encode()) == term.encode()


@pytest.mark.parametrize(
    ("value", "cleaned_value"),
    [(b"HOLZMANN", b"REMOVED"), (b"ORIGINAL\\HOLZMANN\\AXIAL ", b"ORIGINAL\\REMOVED\\AXIAL"),
     (b"CT_HOLZMANN", b"REMOVED"), (b"MRN4711", b"REMOVED"), (b"MRN_000471", b"REMOVED"), (b"20240506", b"REMOVED"),
     (b"Axial", b"REMOVED")],
)  # fmt: skip
def test_each_unknown_term_is_replaced_and_its_neighbours_stay(value, cleaned_value):
    assert Terms().cleaned(value) == cleaned_value


@pytest.mark.parametrize("syntax", ["explicit", "implicit", "big endian", "deflated"])
def test_a_name_in_the_form_of_a_coded_string_goes_at_every_level(syntax):
    made = nested(ct(), dataset(BodyPartExamined="PLANTED"), 2)
    made.ScanOptions, made.ImageType = "PLANTED", ["ORIGINAL", "PRIMARY", "PLANTED"]
    assert b"PLANTED" not in output(encoded(made, syntax))
    clean = cleaned(encoded(made, syntax))
    assert list(clean.ImageType) == ["ORIGINAL", "PRIMARY", "REMOVED"]


@pytest.mark.parametrize(
    ("vr", "value", "lawful"),
    [(b"DS", b"1.5\\-2e3 \\ 3", True), (b"DS", b"0123-456 789", False), (b"DS", b"+49 170 1", False),
     (b"IS", b"12\\-13 ", True), (b"IS", b"1-2-3 ", False), (b"IS", b"12345678901234", False),
     (b"TM", b"070809.123 ", True), (b"TM", b"0708\\09:10", True), (b"TM", b"12345678", False), (b"TM", b"471", False)],
)  # fmt: skip
def test_what_only_has_the_letters_of_a_number_or_time_is_denied(vr, value, lawful):
    """PS3.5 6.2."""
    assert legal(0x00181030, vr, memoryview(value), 0) is lawful


def test_text_in_place_of_binary_numbers_goes():
    made = ct()
    made.add_new(0x00209157, "UL", [1, 2, 3, 4])
    file = encoded(made)
    number = b"".join(each.to_bytes(4, "little") for each in (1, 2, 3, 4))
    assert number in output(file)
    assert b"HOLZMANN,KLOTHIL" not in output(file.replace(number, b"HOLZMANN,KLOTHIL"))


def test_text_in_place_of_offsets_of_fragments_is_denied():
    offsets = memoryview(b"".join(each.to_bytes(8, "little") for each in (0, 4_000, 700_000_000)))
    assert legal(0x7FE00001, b"OV", offsets, 0)
    assert not legal(0x7FE00001, b"OV", memoryview(b"HOLZMANN, KLOTHILDE"[:16]), 0)


def test_offsets_go_where_there_are_no_fragments():
    made = ct()
    made.add_new(0x7FE00001, "OV", b"KLOTH" + bytes(3))
    assert b"KLOTH" not in output(made)


def test_offsets_of_fragments_that_are_there_stay():
    made = ct()
    made.PixelRepresentation = 0
    made.compress(RLELossless, encapsulate_ext=True)
    file = io.BytesIO()
    made.save_as(file, enforce_file_format=True)
    clean = cleaned(file.getvalue())
    assert clean.ExtendedOffsetTable == made.ExtendedOffsetTable
    assert clean.ExtendedOffsetTableLengths == made.ExtendedOffsetTableLengths
    text = file.getvalue().replace(made.ExtendedOffsetTableLengths, b"KLOTH" + bytes(3))
    assert b"KLOTH" not in output(text)


def test_a_table_that_is_text_goes():
    made = ct()
    table = dataset(LUTDescriptor=[16, 0, 16])
    table.add_new(0x00283006, "OW", b"ward of the clinic, born 3021951")
    made.VOILUTSequence = items(table)
    assert b"clinic" not in output(made)
    table.LUTData = bytes(range(32, 64))[::-1] + bytes(1) + b"\x01"
    assert table.LUTData in output(made)
