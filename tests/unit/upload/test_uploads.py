"""What an upload leaves in the landing, and what it is answered (PS3.18 10.5)."""

import itertools
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, generate_uid

from processors.dicom.admission import Admission
from processors.dicom.engine import StoreCommand
from processors.dicom.part10 import data_set_offset
from processors.dicom.status import SUCCESS, Refusal
from processors.dicom.upload import request as requests
from processors.dicom.upload.order import Order
from processors.dicom.upload.request import Upload
from tests.builders import ct_slice
from tests.receiver_process import data_set_bytes
from tests.unit.upload.bodies import BOUNDARY, part10, related
from tests.unit.upload.receiving import Uploads, request

ONE = "application/dicom"


def data_set_of(file: bytes, folder: Path) -> bytes:
    path = folder / "one.dcm"
    path.write_bytes(file)
    return data_set_bytes(path)


def slices(count: int, **options: str) -> dict[str, bytes]:
    """Files by SOP Instance UID, of one study unless told otherwise."""
    study = options.pop("study", "") or generate_uid()
    made = [ct_slice(number, study=study, rows=4, **options) for number in range(1, count + 1)]
    return {str(one.SOPInstanceUID): part10(one) for one in made}


class Gathering:
    """A receiver that stores in memory."""

    def __init__(self) -> None:
        self.stored: list[tuple[StoreCommand, bytes]] = []
        self.told: list[str] = []

    def begin(self, command: StoreCommand) -> "GatheringOne":
        return GatheringOne(self, command)

    def refuse(self, refusal: Refusal) -> int:
        return refusal.status

    def troubled(self, cause: str, detail: str = "") -> None:
        self.told.append(cause)


class GatheringOne:
    def __init__(self, receiver: Gathering, command: StoreCommand) -> None:
        self._receiver, self._command, self._content = receiver, command, bytearray()

    def write(self, *pieces: bytes | memoryview) -> None:
        for piece in pieces:
            self._content += piece

    def finish(self) -> int:
        self._receiver.stored.append((self._command, bytes(self._content)))
        return SUCCESS

    def abandon(self) -> None:
        self._content.clear()


class Cut:
    """A body that comes in given pieces, each of which is gone when the next comes."""

    def __init__(self, content: bytes, cuts: list[int]) -> None:
        self._content, self._edges = content, [0, *sorted(cuts), len(content)]

    def pieces(self) -> Iterator[memoryview]:
        buffer = bytearray(len(self._content))
        for begin, end in itertools.pairwise(self._edges):
            piece = memoryview(buffer)[: end - begin]
            piece[:] = self._content[begin:end]
            yield piece
            piece[:] = b"\xff" * len(piece)


FILES = [file[: data_set_offset(file) + 40] for file in slices(2).values()]
"""Short, as they are cut at every place; this receiver looks at no data set."""
BODY = related(FILES)


def received(cuts: list[int]) -> tuple[Gathering, int]:
    receiver = Gathering()
    upload = Upload(receiver, Admission(), Order(len(BODY), BOUNDARY, None, False), lambda: False, 1.0)
    answer = upload.receive(Cut(BODY, cuts))
    return receiver, answer.status


WHOLE = received([])[0].stored


def test_a_body_cut_once_at_every_place_gives_the_same_objects(tmp_path: Path) -> None:
    assert [content for _, content in WHOLE] == [data_set_of(file, tmp_path) for file in FILES]
    for cut in range(len(BODY) + 1):
        receiver, status = received([cut])
        assert (receiver.stored, status) == (WHOLE, 200)


@given(cuts=st.lists(st.integers(0, len(BODY)), max_size=30))
def test_a_body_cut_into_any_pieces_gives_the_same_objects(cuts: list[int]) -> None:
    receiver, status = received(cuts)
    assert (receiver.stored, status) == (WHOLE, 200)


@given(end=st.integers(0, len(BODY.rpartition(b"--")[0])), cut=st.integers(0, len(BODY)))
def test_a_body_that_ends_anywhere_gives_the_objects_that_were_whole_and_is_no_success(end: int, cut: int) -> None:
    receiver = Gathering()
    upload = Upload(receiver, Admission(), Order(end, BOUNDARY, None, False), lambda: False, 1.0)
    answer = upload.receive(Cut(BODY[:end], [min(cut, end)]))
    assert (answer.status, receiver.told, upload.is_whole) == (400, ["upload-malformed"], False)
    assert receiver.stored == WHOLE[: len(receiver.stored)]


def test_instances_are_kept_byte_by_byte_under_a_head_of_ours_and_named_in_the_answer(tmp_path: Path) -> None:
    files = slices(3)
    with Uploads(tmp_path) as uploads:
        answer = uploads.post(related(files.values()))
        assert (answer.status, answer.fields["content-type"]) == (200, "application/dicom+json")
        assert answer.stored == list(files)
        assert uploads.kept() == {uid: data_set_of(file, tmp_path) for uid, file in files.items()}
        assert uploads.endings() == ["released"]
        assert uploads.troubles() == []
        assert uploads.rows("SELECT calling_ae, called_ae, peer FROM associations") == [("HTTP", "SLUICE", "127.0.0.1")]


@pytest.mark.parametrize("target", ["/instances", "/studies"])
def test_a_single_file_may_be_the_whole_body(tmp_path: Path, target: str) -> None:
    [(uid, file)] = slices(1).items()
    with Uploads(tmp_path) as uploads:
        assert uploads.post(file, target, ONE).stored == [uid]
        assert list(uploads.kept()) == [uid]


def test_what_was_stored_before_is_a_duplicate_and_a_success(tmp_path: Path) -> None:
    files = slices(2)
    with Uploads(tmp_path) as uploads:
        uploads.post(related(files.values()))
        assert uploads.post(related(files.values())).status == 200
        assert len(uploads.kept()) == 2
        assert uploads.rows("SELECT count(*) FROM instances WHERE disposition = 'duplicate'") == [(2,)]


def without(file: bytes, keyword: str) -> bytes:
    """A file whose data set lacks or contradicts what its head says."""
    dataset = dcmread(BytesIO(file))
    setattr(dataset, keyword, "1.2.3.4")
    out = BytesIO()
    dataset.save_as(out)
    return out.getvalue()


def test_each_instance_that_is_not_stored_has_its_reason_and_the_others_are_stored(tmp_path: Path) -> None:
    files = slices(6)
    good, uid_differs, class_differs, truncated, no_syntax, wrong_syntax = files
    parts = [
        files[good],
        without(files[uid_differs], "SOPInstanceUID"),
        without(files[class_differs], "SOPClassUID"),
        files[truncated][:-5],
        files[no_syntax].replace(b"1.2.840.10008.1.2.1\0", b"../../../etc/passwd\0"),
        files[wrong_syntax].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.2\0"),
        b"not DICOM at all",
        b"",
    ]
    with Uploads(tmp_path) as uploads:
        answer = uploads.post(related(parts))
        assert (answer.status, answer.stored) == (202, [good])
        assert answer.failed == {
            uid_differs: 0xA900,
            class_differs: 0xA900,
            truncated: 0xC000,
            no_syntax: 0xC000,
            wrong_syntax: 0xC000,
        }
        assert answer.others == [0xC000, 0xC000]
        assert list(uploads.kept()) == [good]
        assert uploads.left_over() == []
        [(cause, detail)] = uploads.troubles()
        assert cause == "objects-refused"
        assert set(detail.split(", ")) == {
            "A900 mismatch:SOPInstanceUID x 1",
            "A900 mismatch:SOPClassUID x 1",
            "C000 truncated x 2",
            "C000 no-identifier x 1",
            "C000 no-part-10 x 2",
        }


def test_an_instance_of_another_study_is_a_conflict(tmp_path: Path) -> None:
    """PS3.18 table 10.5.3-1: 409 if none could be stored, 202 if some could."""
    mine, other = slices(1, study="1.2.3"), slices(1, study="1.2.4")
    with Uploads(tmp_path) as uploads:
        both = uploads.post(related([*mine.values(), *other.values()]), "/studies/1.2.3")
        assert (both.status, both.stored, both.failed) == (202, [*mine], dict.fromkeys(other, 0xA900))
        none = uploads.post(related(other.values()), "/studies/1.2.3")
        assert (none.status, none.stored, none.failed) == (409, [], dict.fromkeys(other, 0xA900))
        assert list(uploads.kept()) == [*mine]


def test_no_space_is_503_with_a_time_to_come_again(tmp_path: Path) -> None:
    files = slices(2)
    with Uploads(tmp_path, reserve_bytes=1 << 60) as uploads:
        answer = uploads.post(related(files.values()))
        assert (answer.status, answer.fields["retry-after"]) == (503, "60")
        assert answer.failed == dict.fromkeys(files, 0xA700)
        assert uploads.kept() == {}


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian], ids=["implicit", "big"])
def test_every_encoding_that_a_file_says_is_kept_as_it_is(tmp_path: Path, syntax: str) -> None:
    dataset: Dataset = ct_slice(rows=4)
    dataset.file_meta.TransferSyntaxUID = syntax
    file = part10(dataset)
    with Uploads(tmp_path) as uploads:
        assert uploads.post(file, "/instances", ONE).status == 200
        assert uploads.kept() == {str(dataset.SOPInstanceUID): data_set_of(file, tmp_path)}


def test_a_part_of_another_kind_is_refused_alone(tmp_path: Path) -> None:
    files = slices(2)
    other, good = files.values()
    body = related([good]).removesuffix(f"\r\n--{BOUNDARY}--\r\n".encode())
    for head in (b"Content-Type: image/jpeg", b"Content-Transfer-Encoding: base64"):
        body += f"\r\n--{BOUNDARY}\r\n".encode() + head + b"\r\n\r\n" + other
    with Uploads(tmp_path) as uploads:
        answer = uploads.post(body + f"\r\n--{BOUNDARY}--".encode())
        assert (answer.status, answer.stored, answer.others) == (202, [list(files)[1]], [0xC000, 0xC000])


def test_a_request_without_a_part_and_one_with_too_many_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(requests, "MOST_INSTANCES", 2)
    files = slices(3)
    with Uploads(tmp_path) as uploads:
        assert uploads.post(related([])).status == 400
        answer = uploads.post(related(files.values()))
        assert (answer.status, answer.stored) == (413, list(files)[:2])
        assert sorted(uploads.kept()) == sorted(list(files)[:2])
        assert uploads.endings() == ["aborted", "aborted"]


def test_bodies_in_chunks_and_several_requests_over_one_connection(tmp_path: Path) -> None:
    files = slices(2)
    first, second = (related([file]) for file in files.values())
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (first[:7], first[7:300], first[300:]))
    head = request(b"", Transfer_Encoding="chunked").replace(b"Content-Length: 0\r\n", b"")
    with Uploads(tmp_path) as uploads, uploads.connect() as client:
        client.send(head + chunks + b"0\r\n\r\n" + request(second))
        assert [client.answer().stored, client.answer().stored] == [[uid] for uid in files]
        client.close()
        assert sorted(uploads.kept()) == sorted(files)


def test_who_waits_for_the_go_ahead_gets_it_and_hears_a_no_before_the_body(tmp_path: Path) -> None:
    [(uid, file)] = slices(1).items()
    with Uploads(tmp_path) as uploads:
        with uploads.connect() as client:
            client.send(request(b"", "/instances", ONE, length=len(file), Expect="100-continue"))
            assert client.answer().status == 100
            client.send(file)
            assert client.answer().stored == [uid]
        with uploads.connect() as client:
            client.send(request(b"", "/instances", "text/plain", length=1 << 40, Expect="100-continue"))
            answer = client.answer()
            assert (answer.status, answer.fields["connection"]) == (415, "close")
        assert uploads.troubles() == [("upload-not-served", "another content type")]
