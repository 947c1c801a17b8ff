"""Who lies in the phantom's scanners and which scanners those are: invented, but as telling as real headers.

Every value here must stay on the trusted side. Names are rare on purpose: a hit of one of them in a log is a leak and
no accident. `identifying_values` is the list that the demo searches for.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

UID_ROOT = "1.2.826.0.1.3680043.8.498.731550926"
"""What every original UID of the phantom starts with, so that one search finds any of them."""


@dataclass(frozen=True, slots=True)
class Person:
    """One invented patient, with those who treated them."""

    name: str
    patient_id: str
    birth_date: str
    sex: str
    address: str
    telephone: str
    physician: str
    operator: str
    other_id: str


@dataclass(frozen=True, slots=True)
class Scanner:
    """One invented scanner.

    Attributes:
        character_set: Specific Character Set of its objects (PS3.3 C.12.1.1.2).
        transfer_syntax: UID of how it stores pixels and data sets.
        private: creator of its private block, and the group that this lies in.
    """

    manufacturer: str
    model: str
    station: str
    serial: str
    institution: str
    institution_address: str
    department: str
    calling_ae: str
    character_set: str
    transfer_syntax: str
    private: tuple[int, str]


PEOPLE = (
    Person("Quisenberry^Thaddeus^Orrin", "KH-7741902", "19480317", "M", "14 Larkspurgasse, Trelleborg",
           "+46-410-5550147", "Wojciechowska^Bronislawa^^Dr", "Ekwueme^Chidiebere", "HZ20113377"),
    Person("Hämäläinen-Öberg^Sirkkaliisa", "KH-7741955", "19560729", "F", "3 Kuusimäentie, Hamina",
           "+358-5-5550192", "Wojciechowska^Bronislawa^^Dr", "Ekwueme^Chidiebere", "HZ20113391"),
    Person("Vandersteenhoven^Joost^Marinus", "KH-7742018", "19620511", "M", "221 Kattenburgerpad, Harlingen",
           "+31-517-555018", "Abernethy^Rosalind^^Dr", "Szczepaniak^Lechoslaw", "HZ20113408"),
    Person("Mbatha-Ngcobo^Nokuthula", "KH-7742090", "19711204", "F", "9 Umzimkhuluweg, Kokstad",
           "+27-39-5550133", "Abernethy^Rosalind^^Dr", "Szczepaniak^Lechoslaw", "HZ20113415"),
    Person("Guðmundsdóttir^Ragnheiður", "KH-7742133", "19500918", "F", "27 Skólavörðurholt, Akranes",
           "+354-5550176", "Wojciechowska^Bronislawa^^Dr", "Ekwueme^Chidiebere", "HZ20113422"),
    Person("Featherstonehaugh^Peregrine", "KH-7742201", "19440226", "M", "The Oxenholme Byre, Sedbergh",
           "+44-15396-55501", "Ishiguro-Vance^Kazuhiro^^Dr", "Papadiamantis^Evgenia", "HZ20113439"),
    Person("Oyelaran-Quillfeather^Temitope", "KH-7742266", "19680613", "F", "58 Wharncliffe Crescent, Penistone",
           "+44-1226-555017", "Ishiguro-Vance^Kazuhiro^^Dr", "Papadiamantis^Evgenia", "HZ20113446"),
    Person("Castelnuovo^Ermenegildo", "KH-7742310", "19590102", "M", "Vicolo Malcantone 6, Sansepolcro",
           "+39-0575-555014", "Abernethy^Rosalind^^Dr", "Szczepaniak^Lechoslaw", "HZ20113453"),
    Person("Dragomirescu^Smaranda^Ileana", "KH-7742377", "19750820", "F", "Strada Ciresoaiei 44, Gheorgheni",
           "+40-266-555019", "Wojciechowska^Bronislawa^^Dr", "Ekwueme^Chidiebere", "HZ20113460"),
    Person("Thorvaldsen^Halfdan^Ulrik", "KH-7742430", "19531109", "M", "Brinkmandsvej 77, Nexoe",
           "+45-5655-5018", "Ishiguro-Vance^Kazuhiro^^Dr", "Papadiamantis^Evgenia", "HZ20113477"),
    Person("Kaleolani-Pukui^Leimomi", "KH-7742498", "19660404", "F", "12 Waimanalo Spur, Hanapepe",
           "+1-808-5550161", "Abernethy^Rosalind^^Dr", "Szczepaniak^Lechoslaw", "HZ20113484"),
    Person("Zawadowicz^Przemyslaw", "KH-7742551", "19471216", "M", "ul. Jarzebinowa 30, Sejny",
           "+48-87-5550188", "Ishiguro-Vance^Kazuhiro^^Dr", "Papadiamantis^Evgenia", "HZ20113491"),
)  # fmt: skip
"""Nine whose studies are annotated (the last of them has two), then three who were never annotated."""

SCANNERS = (
    Scanner("SIEMENS", "SOMATOM Definition Edge", "CTAWP73491", "SN-55170383", "Klinikum Hohenzwiesel",
            "Zwieselerstrasse 88, Hohenzwiesel", "Thoraxradiologie Ost", "CT_HOHENZW", "ISO_IR 192",
            "1.2.840.10008.1.2.1", (0x0029, "SIEMENS CSA HEADER")),
    Scanner("GE MEDICAL SYSTEMS", "Revolution Apex", "KRMRADCT02", "SN-00417729", "Karmelindo Hospital",
            "1 Karmelindo Parade, Lower Maundrell", "Body Imaging Annexe", "CT_KARMEL", "ISO_IR 100",
            "1.2.840.10008.1.2", (0x0009, "GEMS_IDEN_01")),
    Scanner("Philips", "Incisive CT", "HOSTPHX6623", "SN-31908842", "Sankt Vinzenz am Oberkirchsee",
            "Seepromenade 5, Oberkirchsee", "Radiologie Haus Drei", "CT_VINZENZ", "ISO_IR 192",
            "1.2.840.10008.1.2.5", (0x2001, "Philips Imaging DD 001")),
)  # fmt: skip
"""Three makers: explicit and implicit little endian, and RLE."""

ACCESSION = "ACC-{seed}-662071"
"""Accession Number of the study of one seed."""


def identifying_values() -> tuple[str, ...]:
    """Every value of the phantom that must not leave the trusted side, names also by their parts."""
    found = {UID_ROOT, "ACC-10", "ACC-20", "-662071"}
    for person in PEOPLE:
        found |= {getattr(person, field.name) for field in fields(Person)} - {"M", "F"}
        found |= set(_parts(person.name)) | set(_parts(person.physician)) | set(_parts(person.operator))
    for scanner in SCANNERS:
        found |= {scanner.station, scanner.serial, scanner.institution, scanner.institution_address}
        found |= {scanner.department, scanner.calling_ae}
    return tuple(sorted(found))


def _parts(name: str) -> Iterator[str]:
    """The components of a person's name that are long enough to be telling."""
    for part in name.replace("-", "^").split("^"):
        if len(part) > 5:
            yield part
