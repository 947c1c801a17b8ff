"""One instance in, one de-identified instance or one reason out."""

import hashlib
from dataclasses import dataclass, field, replace

from pydicom.datadict import tag_for_keyword

from processors.deid import known_values, marks
from processors.deid.actions import Vocabulary
from processors.deid.burned_in.clean import Cleaned, PixelCleaner, Quarantined
from processors.deid.burned_in.header import Header
from processors.deid.burned_in.suspects import can_show_text
from processors.deid.charsets import decoded
from processors.deid.choices import described, retained
from processors.deid.codes import Coding
from processors.deid.drawings import draws
from processors.deid.encode import Encoder
from processors.deid.faces.kinds import can_show_face, modality_of
from processors.deid.faces.verdict import Verdict
from processors.deid.iod_types import has_pixels
from processors.deid.keys import ProjectKeys
from processors.deid.marks import treatment_facts
from processors.deid.options import GRAPHICS, VISUAL_FEATURES, Option
from processors.deid.options import PIXEL_DATA as PIXELS_CLEANED
from processors.deid.parse import EXPLICIT_BIG, EXPLICIT_LITTLE, IMPLICIT_LITTLE, Element, Parser
from processors.deid.part10 import Opener, Part10, opened, preamble_and_meta
from processors.deid.pixels import PIXEL_DATA, fragments_of, require_whole
from processors.deid.plan import RECOGNIZABLE_VISUAL_FEATURES, Plans
from processors.deid.profile import Profile
from processors.deid.pseudonyms import REGISTERED, UidMap, patient_pseudonym, pseudonymous_uid, shift_days
from processors.deid.reasons import Reason, RejectedError
from processors.deid.series import Series
from processors.deid.template import Filled, Slice
from processors.deid.terms import Terms
from processors.deid.unused_bits import Samples
from processors.deid.walk import Patient, Walk

__all__ = ["Engine", "Treated", "Withheld", "pseudonymous_uid", "treatment_facts"]

SOP_CLASS, SOP_INSTANCE, STUDY, SERIES, FRAME_OF_REFERENCE = 0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00200052
MODALITY, CHARSET, PATIENT_ID, ISSUER = 0x00080060, 0x00080005, 0x00100020, 0x00100021


@dataclass(frozen=True, slots=True)
class Treated:
    """A de-identified instance, and what the shipment must know of it.

    `chunks` are the whole Part 10 file, its pixels views of the original; `digest` is SHA-256 of the encoded data set
    alone; `references` are pseudonymous SOP Instance UIDs; `uid_map` pairs originals with pseudonyms (PHI);
    `actions` counts what became of attributes, `performed` are codes of what was done to this instance alone.
    """

    sop_instance_uid: str
    sop_class_uid: str
    study_instance_uid: str
    series_instance_uid: str
    patient_id: str
    modality: str
    chunks: list[bytes | memoryview]
    digest: str
    size: int
    references: tuple[str, ...]
    is_annotation: bool
    uid_map: tuple[tuple[str, str], ...]
    actions: dict[str, int] = field(default_factory=dict)
    performed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withheld:
    """An instance that does not pass, whole, and the code of `reasons` that says why."""

    reason: str


class Instance:
    """An opened instance: its elements and its top level values."""

    def __init__(self, part10: bytes | memoryview, part: Part10 | None = None) -> None:
        self.part: Part10 = part or opened(memoryview(part10).cast("B"))
        self.elements = Parser(self.part.buffer, self.part.form).parse(self.part.start)
        self.top: dict[int, Element] = {element.tag: element for element in self.elements}

    def value(self, tag: int) -> bytes:
        """A top level value without padding blanks; empty when there is none."""
        element = self.top.get(tag)
        return bytes(self.part.buffer[element.value : element.end]).strip(b" ") if element else b""

    def uid(self, tag: int) -> bytes:
        """A top level UID."""
        return self.value(tag).strip(b" \0")

    def text(self, tag: int) -> str:
        """A top level text, decoded by Specific Character Set."""
        return decoded(self.value(tag), self.value(CHARSET)).strip(" \0")


class Engine:
    """De-identifies instances of one project by one profile; does no I/O.

    It keeps UIDs, and of the series at hand one header, so that what its slices have in common is cleaned once.
    """

    def __init__(self, profile: Profile, keys: ProjectKeys, pixels: PixelCleaner | None = None) -> None:
        """Compile a profile.

        Args:
            profile: what shall happen.
            keys: of the project.
            pixels: what cleans images that can show text, where the profile says so; without it they are withheld.

        Raises:
            IdentifiedProfileError: it de-identifies nothing.
        """
        profile.require_de_identifying()
        self.profile = profile
        self.keys = keys
        self._uids = UidMap(keys)
        self._became = self._uids.retained if profile.retain.uids else self._uids
        self._retained = retained(profile.options)
        self._plans = {uid.encode(): Plans(profile, uid) for uid in profile.classes}
        self._pixels = pixels if profile.clean.pixel_data else None
        self._drawings = frozenset(uid.encode() for uid in profile.classes if profile.clean.graphics and draws(uid))
        self._images = frozenset(uid.encode() for uid in profile.classes if has_pixels(uid))
        self._plans_of_cleaned = {uid.encode(): Plans(profile, uid, looked_at=True) for uid in profile.classes}
        self._annotations = profile.annotation_classes
        self._faces = frozenset(
            uid.encode() for uid in profile.classes if profile.clean.visual_features and can_show_face(uid)
        )
        self._junk = profile.junk
        self._coding = Coding.of(profile.coding_schemes)
        self._vocabulary = Vocabulary(profile.vocabulary)
        self._terms = Terms()
        self._innocent = frozenset((known_values.OUR_WORD, *(word.upper() for word in profile.innocent_words)))
        by_words = (tag_for_keyword(keyword) or 0 for keyword in profile.vocabulary_text)
        self._vocabulary_tags = described(profile.options).union(by_words)
        self._encoders = {form: Encoder(form) for form in (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)}
        self._opener = Opener()
        self._series: Series[Treated] = Series(self._identifying_of, self._vocabulary_tags)
        self._marks = {form: self._encoded_marks(encoder, ()) for form, encoder in self._encoders.items()}

    @property
    def facts(self) -> dict[str, str]:
        """What a treatment pins: all that decides the output, what cleans pixels too."""
        return {**treatment_facts(self.profile, self.keys), **(self._pixels.facts if self._pixels else {})}

    @property
    def pixels(self) -> PixelCleaner | None:
        """What cleans pixels; None where nothing does."""
        return self._pixels

    def treat(self, part10: bytes | memoryview, faces: Verdict | None = None) -> Treated | Withheld:
        """De-identify one Part 10 file; never raises for bad content.

        Args:
            part10: the file; if its series was defaced, the one that the step for faces wrote.
            faces: what the step said of its series, where the profile asks for it; without its word heads are withheld.
        """
        try:
            return self._treat(part10, faces)
        except RejectedError as error:
            return Withheld(error.reason.value)
        except Exception:  # noqa: BLE001 - the outermost loop of one instance: what fails is withheld, never passed on
            return Withheld(Reason.ENGINE_ERROR.value)

    def _treat(self, part10: bytes | memoryview, faces: Verdict | None) -> Treated:
        part = self._opener.opened(memoryview(part10).cast("B"))
        if not self._faces and (like := self._series.filled(part)) and _names_one(like[0].values[SOP_INSTANCE]):
            return self._alike(part, *like)
        instance = Instance(part10, part)
        self._require_passing(instance)
        without_face = self._without_face(instance, faces)
        instance, performed = self._unburned(instance, part10)
        performed += without_face
        patient_id, issuer = self._identity(instance)
        days = 0 if self.profile.dates == "full" else shift_days(self.keys, patient_id, issuer)
        patient = Patient(patient_pseudonym(self.keys, patient_id, issuer).encode(), days)
        original = self._identifying(instance)
        walk = self._walk(instance, patient, original, performed)
        form = instance.part.form
        if known_values.survive(original, walk.segments, form, self._vocabulary_tags, patient.days):
            raise RejectedError(Reason.VERIFY_HIT)
        treated = self._treated(instance, walk, patient, performed)
        if not performed and instance.part is part:
            slice_ = Slice(part, instance.elements, walk, self._marks[form])
            own = instance.uid(SOP_INSTANCE).decode("latin-1") != treated.sop_instance_uid
            of_series = replace(treated, chunks=[], uid_map=treated.uid_map[own:])
            self._series.learn(instance.uid(SERIES), slice_, patient.days, of_series)
        return treated

    def _require_passing(self, instance: Instance) -> None:
        """The SOP class is one that passes, and instance, series and study are named."""
        sop_class = instance.uid(SOP_CLASS)
        meta_class = instance.part.sop_class
        if sop_class and meta_class and sop_class != meta_class:
            raise RejectedError(Reason.META_MISMATCH)
        if sop_class not in self._plans:
            pixels = PIXEL_DATA in instance.top and sop_class in REGISTERED
            raise RejectedError(Reason.PIXELS_UNCHECKED if pixels else Reason.KIND_UNSUPPORTED)
        if not all(_names_one(instance.uid(tag)) for tag in (SOP_INSTANCE, STUDY, SERIES)):
            raise RejectedError(Reason.IDENTITY_INCOMPLETE)

    def _without_face(self, instance: Instance, faces: Verdict | None) -> tuple[Option, ...]:
        """The step that removed a face, if it did.

        Raises:
            RejectedError: the profile asks for the step, and it did not look, or did not vouch.
        """
        sop_class = instance.uid(SOP_CLASS)
        if sop_class not in self._faces:
            return ()
        if faces is None or modality_of(sop_class.decode()) is None:
            raise RejectedError(Reason.FACE_UNCHECKED)
        refused = faces is Verdict.NOT_A_HEAD and self.profile.not_heads == "withhold"
        if refused or not faces.passes:
            raise RejectedError(Reason.FACE_NOT_REMOVED)
        return (VISUAL_FEATURES,) if faces is Verdict.DEFACED else ()

    def _unburned(self, instance: Instance, part10: bytes | memoryview) -> tuple[Instance, tuple[Option, ...]]:
        """The instance without text in its pixels, and the steps that were performed for it.

        Raises:
            RejectedError: its pixels are not as many as said, or show text, or may and nobody can tell.
        """
        sop_class = instance.uid(SOP_CLASS)
        if sop_class not in self._images:
            return instance, ((GRAPHICS,) if sop_class in self._drawings else ())
        steps: tuple[Option, ...] = ()
        if can_show_text(Header(instance.part.buffer, instance.part.form, instance.top)):
            if self._pixels is None:
                raise RejectedError(Reason.PIXELS_UNCHECKED)
            outcome = self._pixels.clean(part10)
            if not isinstance(outcome, Cleaned):
                raise RejectedError(outcome.reason if isinstance(outcome, Quarantined) else Reason.PIXELS_UNCHECKED)
            instance, steps = Instance(memoryview(outcome.part10)), outcome.steps
        require_whole(instance.part, instance.top, instance.value)
        return instance, steps

    def _identity(self, instance: Instance) -> tuple[str, str]:
        """Patient ID and its issuer, which together are the identity.

        Raises:
            RejectedError: the ID is empty, or one that many patients share.
        """
        patient_id = instance.text(PATIENT_ID)
        if not patient_id:
            raise RejectedError(Reason.PATIENT_ID_EMPTY)
        if patient_id in self._junk:
            raise RejectedError(Reason.PATIENT_ID_JUNK)
        return patient_id, instance.text(ISSUER)

    def _identifying(self, instance: Instance) -> known_values.Identifying:
        """What must not be in the output: the original's identifying values but those that an option retains."""
        return self._identifying_of(instance.elements, instance.part.buffer)

    def _identifying_of(self, elements: list[Element], buffer: memoryview) -> known_values.Identifying:
        """The same of elements in a buffer."""
        found = known_values.identifying(elements, buffer, self._innocent, self._retained)
        if self.profile.dates == "full":
            found.dates.clear()
        if self.profile.retain.uids:
            found.uids.clear()
        return found

    def _walk(
        self, instance: Instance, patient: Patient, original: known_values.Identifying, performed: tuple[Option, ...]
    ) -> Walk:
        form = instance.part.form
        plans = self._plans_of_cleaned if PIXELS_CLEANED in performed else self._plans
        walk = Walk(
            buffer=instance.part.buffer,
            form=form,
            fragments=fragments_of(instance.part, instance.top, instance.value),
            samples=Samples.of(instance.part, instance.top) if instance.uid(SOP_CLASS) in self._images else None,
            encoder=self._encoders[form],
            plans=plans[instance.uid(SOP_CLASS)],
            uids=self._uids,
            coding=self._coding,
            vocabulary=self._vocabulary,
            terms=self._terms,
            patient=patient,
            patient_ids={instance.uid(PATIENT_ID): patient.pseudonym},
            charset=instance.value(CHARSET),
            names=frozenset(word.decode("latin-1") for word in original.words | original.texts),
        )
        known = self._marks[form]
        walk.run(instance.elements, self._encoded_marks(self._encoders[form], performed) if performed else known)
        return walk

    def _alike(self, part: Part10, slice_: Filled, known: Treated) -> Treated:
        """A slice that was cleaned as the others of its series, of which one is `known`."""
        original = slice_.values[SOP_INSTANCE]
        uid = self._became(original)
        digest = hashlib.sha256(slice_.header)
        for run in slice_.pixels:
            digest.update(run)
        head = preamble_and_meta(part.transfer_syntax, known.sop_class_uid.encode(), uid)
        mapped = ((original.decode("latin-1"), uid.decode()),) if original != uid else ()
        return replace(
            known,
            sop_instance_uid=uid.decode(),
            chunks=[head + slice_.header, *slice_.pixels],
            digest=digest.hexdigest(),
            size=len(head) + len(slice_.header) + sum(map(len, slice_.pixels)),
            references=_sorted(slice_.references),
            uid_map=mapped + known.uid_map,
            actions=slice_.actions,
        )

    def _encoded_marks(self, encoder: Encoder, performed: tuple[Option, ...]) -> list[tuple[int, bytes]]:
        """The marks of this profile and of what was performed on an instance, encoded, in order of their tags."""
        method = marks.method(self.profile, self.keys).encode()
        temporal = marks.temporal_information(self.profile).encode()
        tag = RECOGNIZABLE_VISUAL_FEATURES
        faces = [(tag, encoder.element(tag, b"CS", b"NO"))] if VISUAL_FEATURES in performed else []
        return [
            (0x00120062, encoder.element(0x00120062, b"CS", b"YES")),
            (0x00120063, encoder.element(0x00120063, b"LO", method)),
            (0x00120064, encoder.sequence(0x00120064, marks.code_items(self.profile, performed))),
            *faces,
            (0x00280303, encoder.element(0x00280303, b"CS", temporal)),
        ]

    def _treated(self, instance: Instance, walk: Walk, patient: Patient, performed: tuple[Option, ...]) -> Treated:
        """The file around the cleaned data set, its digest, and what the shipment must know."""
        uid = {tag: self._became(instance.uid(tag)) for tag in (SOP_INSTANCE, STUDY, SERIES, FRAME_OF_REFERENCE)}
        sop_class = instance.uid(SOP_CLASS)
        digest = hashlib.sha256()
        for segment in walk.segments:
            digest.update(segment)
        head = preamble_and_meta(instance.part.transfer_syntax, sop_class, uid[SOP_INSTANCE])
        chunks = [head + walk.segments[0], *(segment for segment in walk.segments[1:] if segment)]
        class_name = sop_class.decode()
        return Treated(
            sop_instance_uid=uid[SOP_INSTANCE].decode(),
            sop_class_uid=class_name,
            study_instance_uid=uid[STUDY].decode(),
            series_instance_uid=uid[SERIES].decode(),
            patient_id=patient.pseudonym.decode(),
            modality=_modality(instance.value(MODALITY)),
            chunks=chunks,
            digest=digest.hexdigest(),
            size=sum(len(chunk) for chunk in chunks),
            references=_sorted(walk.references),
            is_annotation=class_name in self._annotations,
            uid_map=tuple(
                (original.decode("latin-1"), new.decode())
                for tag, new in uid.items()
                if (original := instance.uid(tag)) and original != new
            ),
            actions=walk.actions,
            performed=tuple(step.code for step in performed),
        )


def _sorted(references: set[bytes]) -> tuple[str, ...]:
    return tuple(sorted(reference.decode() for reference in references if reference))


def _names_one(uid: bytes) -> bool:
    """Whether a UID is there, is one, and is none of the registry, which would stay and be many patients'."""
    return bool(uid) and b"\\" not in uid and uid not in REGISTERED


def _modality(value: bytes) -> str:
    """Modality where it is a legal CS, else OT."""
    text = value.strip(b" \0").decode("latin-1")
    return text if 0 < len(text) <= 16 and text.isalnum() and text.isascii() and text.isupper() else "OT"
