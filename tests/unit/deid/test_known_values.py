"""The verifier alone: values of one made-up original, and outputs that hold one of them somewhere."""

import numpy as np
import pytest

from processors.deid import known_values
from processors.deid.known_values import attributes, bulk, mentions
from processors.deid.parse import EXPLICIT_LITTLE, Parser
from tests.standard.corpus import dataset, encoded

OUTSIDE = ("MR", "GE", "AXIAL")


def data_set(**values) -> bytes:
    """The encoded data set of some attributes."""
    from tests.standard.corpus import ct

    made = dataset(**values)
    made.file_meta, made.SOPClassUID = ct().file_meta, ct().SOPClassUID
    made.SOPInstanceUID = values.get("SOPInstanceUID", "2.25.1")
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    file = encoded(made)
    return file[144 + int.from_bytes(file[140:144], "little") :]


def survives(original: dict, output: dict, *, days: int = -100, pixels: bytes = b"") -> bool:
    before = memoryview(data_set(**{"SOPInstanceUID": "1.2.3.99", **original}))
    elements = Parser(before, EXPLICIT_LITTLE).parse(0)
    found = known_values.identifying(elements, before, frozenset(OUTSIDE))
    segments = [data_set(**output)]
    if pixels:
        segments += [memoryview(pixels)]
    return known_values.survive(found, segments, EXPLICIT_LITTLE, frozenset(), days)


PATIENT = {
    "SOPInstanceUID": "1.2.840.99999.7.1",
    "PatientName": "Holzmann^Klothilde Maria^van der",
    "PatientID": "MRN-4711",
    "OtherPatientIDs": ["A 0815/77", "20301122"],
    "PatientBirthDate": "19510203",
    "StudyDate": "20240506",
    "AccessionNumber": "ACC4712",
    "InstitutionName": "St. Anywhere",
    "ReferringPhysicianName": "Li^Bo",
    "PatientTelephoneNumbers": "+49 221 4711",
}


@pytest.mark.parametrize(
    "text",
    ["HOLZMANN", "of holzmann", "xHolzmannx", "Klothilde", "maria", "MRN-4711", "mrn 4711", "MRN4711", "A 0815/77",
     "a081577", "no 20301122", "ACC4712", "at St. Anywhere", "stanywhere", "Dr. Li", "+49 221 4711",
     "1.2.840.99999.7.1", "uid 1.2.840.99999.7.1."],
)  # fmt: skip
def test_a_name_id_or_uid_in_free_text_is_found(text):
    assert survives(PATIENT, {"ManufacturerModelName": text})


@pytest.mark.parametrize(
    "text",
    ["Scanner One", "Holz", "4711", "MRN", "Lithium", "Any Where", "1.2.840.99999.8", "2030112", "Bolus", "standard"],
)
def test_what_only_resembles_them_is_not(text):
    assert not survives(PATIENT, {"ManufacturerModelName": text})


@pytest.mark.parametrize(
    "text",
    ["20240506", "2024-05-06", "2024.05.06", "2024/5/6", "06.05.2024", "6.5.2024", "05/06/2024", "06/05/24", "06052024",
     "6 May 2024", "06-MAY-2024", "06MAY2024", "May 6, 2024", "may 6th 2024", "6. Mai 2024", "2024 May 06",
     "20240506070809", "202405060708", "born 3 Feb 1951", "3 févr. 1951", "19510203", "03.02.51", "06. 05. 2024",
     "06 / 05 / 2024", "2024_05_06", "06:05:2024", "scan 1 06.05.2024", "510203", "060524", "May 6, 24",
     "6th of May 2024", "6 de mayo de 2024", "2024/127", "2024-127", "2024.127", "2024127", "127/2024", "24127",
     "24/127", "3.II.1951", "3/II/51", "3II1951", "6 V 2024", "1951-II-03", "6.v.2024", "2024-W19-1", "2024W191",
     "6 mei 2024"],
)  # fmt: skip
def test_a_date_is_found_in_every_spelling(text):
    assert survives(PATIENT, {"ManufacturerModelName": text})


@pytest.mark.parametrize(
    "text",
    [
        "20240507",
        "2024-05",
        "V06.05",
        "1.2.4",
        "May 2024",
        "12345678901",
        "31.02.2024",
        "0605241",
        "2024/128",
        "2024/366x",
        "2024000",
        "3.IIX.1951",
        "3.III.1951",
        "2024-W19-2",
        "2024-W60-1",
        "127",
        "B24127777",
    ],
)
def test_another_day_or_no_day_is_no_date_of_the_original(text):
    assert not survives(PATIENT, {"ManufacturerModelName": text})


@pytest.mark.parametrize(
    "output",
    [{"AcquisitionNumber": 19510203}, {"KVP": "20240506"}, {"KVP": "20240506.0708"}, {"ContentTime": "195102.03"},
     {"ScanOptions": "03_02_51"}, {"ScanOptions": ["AX", "06MAY24"]}],
)  # fmt: skip
def test_a_date_is_found_in_a_number_a_time_and_a_coded_string(output):
    assert survives(PATIENT, output)


@pytest.mark.parametrize("output", [{"KVP": "-202.40506"}, {"ContentTime": "200506"}])
def test_digits_around_a_point_or_of_a_plain_time_are_no_date(output):
    assert not survives(PATIENT | {"SeriesDate": "20200506"}, output)


def test_a_day_in_another_element_is_found_unless_it_is_another_days_image():
    assert survives(PATIENT, {"SeriesDate": "20240506"})
    assert survives(PATIENT, {"AcquisitionDateTime": "20240506070809"})
    both = PATIENT | {"SeriesDate": "20240507"}
    assert not survives(both, {"SeriesDate": "20240506"}, days=-1)
    assert survives(both, {"SeriesDate": "20240506"}, days=-2)
    assert survives(both, {"SeriesDate": "20240507"}, days=-1)


CHARSETS = {
    "utf-8": ("ISO_IR 192", "Żółćwicz^Жанна"),
    "latin-1": ("ISO_IR 100", "Müßiggang^Änne"),
    "gb18030": ("GB18030", "王小^小東"),
    "cyrillic": ("ISO_IR 144", "Люксембург^Иван"),
    "greek": ("ISO_IR 126", "Διονυσιος^Ελένη"),
    "kanji": (["", "ISO 2022 IR 87"], "Yamada^Tarou=山田^太郎=やまだ^たろう"),
    "hangul": (["", "ISO 2022 IR 149"], "Hong^Gildong=洪^吉洞=홍^길동"),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "its own"])
@pytest.mark.parametrize(("charset", "name"), CHARSETS.values(), ids=CHARSETS)
def test_a_name_is_found_whatever_the_character_set_and_the_case(charset, name, encoding):
    part = max(name.replace("=", "^").split("^"), key=lambda each: (not each.isascii(), len(each)))
    for text in (part, part.upper(), part.lower()):
        values = {"SpecificCharacterSet": charset, "PatientName": name, "SOPInstanceUID": "1.2.3.99"}
        if encoding == "its own":
            assert survives(values, {"SpecificCharacterSet": charset, "ManufacturerModelName": f"of {text}"})
        else:
            clean = data_set(ManufacturerModelName="x" * 60)
            leaking = clean.replace(b"x" * 60, text.encode(encoding).ljust(60, b"x"))
            before = memoryview(data_set(**values))
            found = known_values.identifying(Parser(before, EXPLICIT_LITTLE).parse(0), before, frozenset())
            assert known_values.survive(found, [leaking], EXPLICIT_LITTLE, frozenset(), -1)
            assert not known_values.survive(found, [clean], EXPLICIT_LITTLE, frozenset(), -1)


def test_a_name_without_its_marks_is_found():
    values = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": "Überweiser^Zoë"}
    for text in ("Uberweiser", "UEBERWEISER", "ueberweiser"):
        assert survives(values, {"ManufacturerModelName": text})


@pytest.mark.parametrize(
    ("name", "text"),
    [("Müller-Lüdenscheidt^Anna-Lena", "of Luedenscheidt"), ("Müller-Lüdenscheidt^Anna-Lena", "x lena"),
     ("O'Connor^A", "Connor"), ("O'Neil^A", "ONEIL"), ("Łukasz^A", "Lukasz"), ("Sørensen^A", "Sorensen"),
     ("Đorđević^A", "Dordevic"), ("Łüdäkę^A", "luedaeke"), ("Roth^Zoë", "zoe"), ("Roth^Jörg", "Jorg")],
)  # fmt: skip
def test_a_name_is_found_without_what_joins_its_parts_or_marks_its_letters(name, text):
    values = {"SpecificCharacterSet": "ISO_IR 192", "PatientName": name}
    assert survives(values, {"ManufacturerModelName": text})


def test_a_name_or_id_that_came_under_another_vr_is_found():
    original = data_set(PatientName="Holzmann^Kl", PatientID="4711123", SOPInstanceUID="1.2.3.99")
    for old, new in ((b"PN\x0c\0", b"LO\x0c\0"), (b"LO\x08\0", b"IS\x08\0")):
        assert original.count(old) == 1
        original = original.replace(old, new)
    before = memoryview(original)
    found = known_values.identifying(Parser(before, EXPLICIT_LITTLE).parse(0), before, frozenset())
    assert b"HOLZMANN" in found.texts
    assert b"4711123" in found.words


@pytest.mark.parametrize("keyword", ["RegionLocationMinX0", "ReferencePixelX0", "ExposureTimeInms"])
@pytest.mark.parametrize(("number", "found"), [(4711123, True), (4711124, False), (20240506, True)])
def test_an_id_or_a_day_is_found_in_a_binary_number(keyword, number, found):
    assert survives({"PatientID": "4711123", "StudyDate": "20240506"}, {keyword: number}) is found


@pytest.mark.parametrize(
    "output",
    [{"AcquisitionNumber": "+1123471"}, {"KVP": "1123471.0"}, {"ManufacturerModelName": "of MRN1123471."},
     {"ManufacturerModelName": "000001123471"}, {"ContentTime": "011234.71"}, {"ScanOptions": "112_347_1"}],
)  # fmt: skip
@pytest.mark.parametrize("patient_id", ["1123471", "0001123471"])
def test_a_number_of_a_patient_is_found_however_it_is_written(patient_id, output):
    assert survives({"PatientID": patient_id}, output)


@pytest.mark.parametrize("term", ["HANS OTTO", "OTTO_7", "X_HANS", "A471_B112", "A471 B112"])
def test_a_name_or_id_inside_a_coded_string_is_found(term):
    assert survives({"PatientName": "Hans^Otto", "PatientID": "A471-B112"}, {"ScanOptions": ["AX", term]})


def test_an_id_in_a_table_of_numbers_is_found():
    table = dataset(LUTDescriptor=[16, 0, 16])
    table.add_new(0x00283006, "OW", b"\x01\x02ward 4711123" + bytes(17))
    assert survives({"PatientID": "4711123"}, {"VOILUTSequence": [table]})
    assert not survives({"PatientID": "4711124"}, {"VOILUTSequence": [table]})


CLOSED = {"BodyPartExamined": "HAND", "ScanOptions": "LI", "ImageType": ["ORIGINAL", "PRIMARY", "HEAD"]}


@pytest.mark.parametrize("name", ["Hand^Li", "Original^Head", "Primary"])
def test_words_of_closed_vocabularies_are_no_leak(name):
    assert not survives({"PatientName": name, "PatientID": "1"}, CLOSED)


def test_a_name_that_no_vocabulary_has_is_a_leak_in_a_coded_string():
    assert survives({"PatientName": "Holz^Klothilde"}, {"BodyPartExamined": "KLOTHILDE"})
    assert survives({"PatientName": "Holz^Klothilde"}, {"BodyPartExamined": "HOLZ"})


def test_a_name_inside_a_word_of_the_vocabulary_is_no_leak():
    assert not survives({"PatientName": "Stand^A"}, {"ConvolutionKernel": "STANDARD"})
    assert survives({"PatientName": "Stand^A"}, {"ConvolutionKernel": "STANDER"})


def ct_pixels(text: bytes = b"", at: int = 3001) -> bytes:
    """Pixels of a CT slice in HU, some of their bytes a text."""
    pixels = bytearray(np.arange(-1024, 3072, dtype="<i2").tobytes() * 300)
    pixels[at : at + len(text)] = text
    return bytes(pixels)


@pytest.mark.parametrize("at", [0, 1, (1 << 20) - 4, (1 << 20) + 255, 2_000_000])
@pytest.mark.parametrize("text", [b"HOLZMANN", b"Holzmann", b"klothilde", b"MRN-4711", b"20301122"])
def test_a_long_text_among_pixels_is_found_wherever_it_lies(text, at):
    assert survives(PATIENT, {}, pixels=ct_pixels(text, at))


def test_clean_pixels_and_short_texts_among_them_are_no_leak():
    assert not survives(PATIENT, {}, pixels=ct_pixels())
    assert not survives(PATIENT, {}, pixels=ct_pixels(b"Li Bo"))
    assert not survives({"PatientName": "AAAAAAA"}, {}, pixels=b"A" * 4096)


def test_a_name_of_other_letters_among_pixels_is_found():
    for text, charset in (("Müßiggang", "ISO_IR 100"), ("王小東", "GB18030"), ("Люксембург", "ISO_IR 144")):
        encoding = {"ISO_IR 100": "latin-1", "GB18030": "gb18030", "ISO_IR 144": "iso8859_5"}[charset]
        pixels = ct_pixels(text.encode(encoding))
        assert survives({"SpecificCharacterSet": charset, "PatientName": text}, {}, pixels=pixels)


def test_pixels_that_may_hold_text_are_told_by_their_largest_value():
    assert not bulk.holds([memoryview(ct_pixels())], [b"HOLZMANN"])
    assert bulk.holds([memoryview(b"\0" + b"HOLZMANN")], [b"HOLZMANN"])


def test_every_identifier_of_the_table_is_a_naming_attribute():
    """A new row of the table whose keyword ends in ID or Identifier comes in by itself."""
    for tag in (0x00100020, 0x00101002, 0x00080050, 0x00080080, 0x00102154, 0x00380010, 0x00400512, 0x00120040):
        assert (tag in attributes.NAMING) is (tag != 0x00101002)
    assert len(attributes.NAMING) > 80


def test_no_day_is_read_from_text_without_digits():
    assert mentions.mentioned("MAY THE SCAN BE GOOD") == set()


@pytest.mark.parametrize("meaning", ["Holzmann", "seen by Klothilde", "MRN-4711", "on 2024-05-06"])
def test_a_meaning_that_is_no_dictionarys_is_searched_like_any_text(meaning):
    from tests.standard.corpus import code

    assert survives(PATIENT, {"InstitutionCodeSequence": [code("17", "99HOSP", meaning)]})
    assert not survives(PATIENT, {"InstitutionCodeSequence": [code("17", "99HOSP", "Local code")]})


def test_a_meaning_of_the_dictionary_is_no_leak():
    from tests.standard.corpus import code

    assert not survives({"PatientName": "Hand^Mass"}, {"AnatomicRegionSequence": [code("4147007", "SCT", "Mass")]})


IDS_LIKE_TIMES = [
    {"StudyTime": "112347"}, {"ContentTime": "112347.000000"},
    {"AcquisitionDateTime": "20200101112347"}, {"AcquisitionDateTime": "20200101112347.5+0100"},
]  # fmt: skip


@pytest.mark.parametrize("output", IDS_LIKE_TIMES, ids=str)
def test_an_id_of_six_digits_is_found_as_a_time_of_day(output):
    assert survives({"PatientID": "112347", "StudyDate": "20240506"}, output)
    assert not survives({"PatientID": "112348", "StudyDate": "20240506"}, output)


@pytest.mark.parametrize("patient_id", ["112347.250", "11:23:47", "11-2347"])
def test_an_id_with_punctuation_is_found_as_a_time_of_day(patient_id):
    assert survives({"PatientID": patient_id}, {"StudyTime": "112347.250"})
    assert not survives({"PatientID": patient_id}, {"StudyTime": "112348"})
