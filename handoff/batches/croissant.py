"""A batch as Croissant 1.0 (https://mlcommons.org/croissant/1.0): a description that other tools read and check.

It lies beside the lines, `batch.jsonl`, and holds no time: when a batch was formed would tell by how much its dates
were shifted.
"""

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:  # a client names its files by this module, and has no database
    from handoff.database.tables import Batch

LINES: Final = "batch.jsonl"
FILE: Final = "croissant.json"
_CONTEXT: Final[dict[str, Any]] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TEXT: Final = "sc:Text"
_FIELDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("kind", _TEXT, "instance, label or volume"),
    ("patient", _TEXT, "pseudonym of the patient within the project"),
    ("study", _TEXT, "StudyInstanceUID, pseudonymous"),
    ("series", _TEXT, "SeriesInstanceUID, pseudonymous"),
    ("sop_instance_uid", _TEXT, "SOPInstanceUID, pseudonymous"),
    ("sop_class_uid", _TEXT, "SOPClassUID"),
    ("modality", _TEXT, "Modality (0008,0060)"),
    ("annotation", "sc:Boolean", "whether the instance is ground truth: SEG or RTSTRUCT"),
    ("package", "sc:URL", "the stored ZIP that holds the instance"),
    ("member", _TEXT, "the member of the package, a Part 10 file"),
    ("digest", _TEXT, "SHA-256 of the encoded data set"),
)
"""Column of the lines, type, and what it is. Those of instances; a batch of instances alone has no other."""
_LABEL_FIELDS: Final[tuple[tuple[str, str, str], ...]] = (
    ("level", _TEXT, "what a label is of: patient, study, series or instance"),
    ("name", _TEXT, "name of a label"),
    ("value", _TEXT, "value of a label"),
    ("source", _TEXT, "who said a label"),
)
_SPLITS: Final = ({"name": "train", "url": "cr:TrainingSplit"}, {"name": "test", "url": "cr:TestSplit"})


def croissant(batch: "Batch", size: int) -> dict[str, Any]:
    """Describe a batch.

    Args:
        batch: a formed one.
        size: bytes of its lines.
    """
    fields = _FIELDS + (_LABEL_FIELDS if batch.facts.get("labels") else ())
    described = (
        f"{batch.instances} de-identified DICOM instances of the project {batch.project}, {batch.annotations} of them "
        f"annotations, split by patient: {batch.test_percent} % test."
    )
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "name": f"{batch.project}-{batch.id[:16]}",
        "description": described,
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "identifier": batch.id,
        "version": "1.0.0",
        "isLiveDataset": False,
        "citeAs": f"batch {batch.id}",
        "license": "Use within the project that the hospital approved.",
        "url": f"urn:sluice:batch:{batch.id}",
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": "lines",
                "name": "lines",
                "description": "One instance, label or volume a line.",
                "contentUrl": LINES,
                "contentSize": f"{size} B",
                "encodingFormat": "application/jsonlines",
                "sha256": batch.file_sha256,
            }
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "splits",
                "name": "splits",
                "dataType": "cr:Split",
                "key": {"@id": "splits/name"},
                "field": [
                    {"@type": "cr:Field", "@id": f"splits/{name}", "name": name, "dataType": kind}
                    for name, kind in (("name", _TEXT), ("url", "sc:URL"))
                ],
                "data": [{f"splits/{name}": value for name, value in split.items()} for split in _SPLITS],
            },
            {
                "@type": "cr:RecordSet",
                "@id": "batch",
                "name": "batch",
                "description": "The lines of the batch, in the order of the file.",
                "field": [*(_field(*field) for field in fields), _split_field()],
            },
        ],
    }


def _field(name: str, kind: str, description: str) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"batch/{name}",
        "name": name,
        "description": description,
        "dataType": kind,
        "source": {"fileObject": {"@id": "lines"}, "extract": {"column": name}},
    }


def _split_field() -> dict[str, Any]:
    field = _field("split", _TEXT, "The side of the line's patient.")
    return {**field, "dataType": [_TEXT, "cr:Split"], "references": {"field": {"@id": "splits/name"}}}
