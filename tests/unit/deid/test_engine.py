"""The engine: deterministic, keyed, and thrifty with pixels."""

import hashlib
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from pydicom.data import get_testdata_file

from processors.deid import Engine, KeyFile, Profile, Treated
from processors.deid.engine import treatment_facts
from processors.deid.pseudonyms import patient_pseudonym
from tests.standard.corpus import KEY, SYNTAXES, cleaned, ct, encoded, engine, output, read, related, seg, treated

TREAT = """
import hashlib, sys
from pathlib import Path
from processors.deid import Engine, KeyFile, Profile
engine = Engine(Profile.load(), KeyFile("00000000", 1, b"s" * 32).project("test"))
for name in sys.argv[1:]:
    print(hashlib.sha256(b"".join(engine.treat(Path(name).read_bytes()).chunks)).hexdigest())
"""


def test_another_process_and_another_order_give_the_same_bytes(tmp_path):
    files = []
    for number, made in enumerate(related()):
        file = tmp_path / str(number)
        file.write_bytes(encoded(made))
        files.append(file)
    here = [hashlib.sha256(output(file.read_bytes())).hexdigest() for file in files]
    command = [sys.executable, "-c", TREAT, *map(str, reversed(files))]
    there = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, "PYTHONHASHSEED": "7"}
    )
    assert there.stdout.split() == here[::-1]


def test_another_key_gives_other_pseudonyms():
    other = KeyFile("00000000", 1, b"t" * 32)
    one, two = treated(ct()), treated(ct(), engine(key=other))
    assert one.patient_id != two.patient_id
    assert one.sop_instance_uid != two.sop_instance_uid
    assert one.digest != two.digest


def test_the_patient_is_one_across_kinds_studies_and_spellings_of_blanks():
    second = ct(2)
    second.PatientID, second.StudyInstanceUID = " MRN-4711  ", "1.2.3.4"
    assert len({treated(each).patient_id for each in [*related(), second]}) == 1


def test_the_issuer_is_part_of_the_identity():
    other = ct()
    other.IssuerOfPatientID = "Elsewhere"
    assert treated(other).patient_id != treated(ct()).patient_id


def test_name_and_id_become_the_pseudonym_that_the_vault_makes():
    clean = cleaned(ct())
    expected = patient_pseudonym(KEY.project("test"), "MRN-4711", "St. Anywhere")
    assert clean.PatientID == clean.PatientName == expected


def test_an_id_beyond_ascii_has_the_pseudonym_of_its_text():
    made = ct()
    made.SpecificCharacterSet, made.PatientID, made.ReferringPhysicianName = "ISO_IR 100", "Ü-4711", "A^B"
    assert treated(made).patient_id == patient_pseudonym(KEY.project("test"), "Ü-4711", "St. Anywhere")


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_the_output_is_one_whole_file_of_its_digest_and_size(syntax):
    result = treated(encoded(ct(), syntax))
    file = b"".join(result.chunks)
    assert len(file) == result.size
    length = int.from_bytes(file[140:144], "little")
    assert hashlib.sha256(file[144 + length :]).hexdigest() == result.digest
    clean = read(file)
    assert (clean.SOPInstanceUID, clean.PatientID) == (result.sop_instance_uid, result.patient_id)
    assert (result.modality, result.study_instance_uid) == ("CT", clean.StudyInstanceUID)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_pixels_stay_byte_by_byte(syntax):
    file = encoded(ct(), syntax)
    assert output(file).endswith(read(file).PixelData)


@pytest.mark.parametrize("name", ["MR_small_RLE.dcm", "MR_small_jp2klossless.dcm", "MR_small_jpeg_ls_lossless.dcm"])
def test_fragments_stay_byte_by_byte(name):
    file = Path(get_testdata_file(name)).read_bytes().replace(b"SECONDARY", b"PRIMARY\\M")
    assert cleaned(file).PixelData == read(file).PixelData


def test_pixels_are_never_copied():
    made = ct()
    made.Rows = made.Columns = 2048
    made.PixelData = np.zeros((2048, 2048), np.int16).tobytes()
    file, by = encoded(made), engine()
    by.treat(encoded(ct()))
    tracemalloc.start()
    result = by.treat(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert isinstance(result, Treated)
    assert peak < 0.2 * len(file)


def test_a_memoryview_is_as_good_as_bytes():
    file = encoded(ct())
    assert treated(file).digest == engine().treat(memoryview(file)).digest


def test_a_second_treatment_changes_nothing_but_pseudonyms_of_pseudonyms():
    once = output(seg([ct()]))
    assert isinstance(engine().treat(once), Treated)


def test_a_treatments_facts_name_all_that_decides_and_no_secret():
    profile, keys = Profile.load(), KEY.project("test")
    facts = treatment_facts(profile, keys)
    assert facts["profile_digest"] == profile.digest
    assert facts["key_epoch"] == "00000000/1"
    assert KEY.secret.hex() not in str(facts)
    assert keys.uid.hex() not in str(facts)


def test_the_digest_of_a_profile_rises_from_its_content():
    profile = Profile.load()
    assert profile.digest != profile.model_copy(update={"dates": "removed"}).digest
    assert Engine(profile, KEY.project("a")).profile.digest == Profile.load().digest
