"""What the export wrote down of itself: Origin.xml, and the list of the parts."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element as Xml

from pipeline.errors import UnsupportedSource
from pipeline.sources.bacpac.archive import Archive
from pipeline.sources.bacpac.elements import local, read_tree

_ORIGIN = "Origin.xml"
_PARTS = "_rels/.rels"
_LONGEST = 64 << 20
_DATA_VERSION = "2."
"""Of the form that rows have; all real files that were measured have 2.0.0.0."""


@dataclass(frozen=True, slots=True)
class Origin:
    facts: dict[str, str]
    model_digest: str | None
    """SHA-256 of model.xml as hex, where it is written down."""


def read_origin(archive: Archive) -> Origin:
    """Facts of the export; raises UnsupportedSource for one without data or with another form of it, and
    DamagedSource where parts are missing that it lists."""
    root = _tree(archive, _ORIGIN)
    values = {local(node): (node.text or "").strip() for node in root.iter()}
    versions = {node.get("StreamName"): (node.text or "").strip() for node in root.iter() if local(node) == "Version"}
    digests = {node.get("Uri"): (node.text or "").strip() for node in root.iter() if local(node) == "Checksum"}
    if values.get("ContainsExportedData") != "true":
        raise UnsupportedSource(f"{archive.name}: holds no data: it is a .dacpac", hint="export a .bacpac instead")
    data = versions.get("Data", "of no version")
    if not data.startswith(_DATA_VERSION):
        raise UnsupportedSource(f"{archive.name}: its data is {data}, and only version 2 is read")
    _check_listed(archive)
    digest = digests.get("/model.xml")
    return Origin(_facts(values), digest.lower() if digest else None)


def _facts(values: dict[str, str]) -> dict[str, str]:
    server = " ".join(values.get("ServerVersion", "").split("(")[0].split())
    named = {"server": server, "exported": values.get("Start", ""), "rows": values.get("TableRowCountTotalTag", "")}
    return {"format": "BACPAC", **{name: value for name, value in named.items() if value}}


def _check_listed(archive: Archive) -> None:
    """A part that went missing would be rows that nobody misses: every part that is listed must be there."""
    if not archive.has(_PARTS):
        return
    for node in _tree(archive, _PARTS):
        part = node.get("Target", "").removeprefix("/")
        if part.startswith("Data/") and not archive.has(part):
            raise archive.damaged("is listed among the parts and is not there", part=part)


def _tree(archive: Archive, part: str) -> Xml:
    if archive.part_bytes(part) > _LONGEST:
        raise UnsupportedSource(f"{archive.name}: {part}: is longer than {_LONGEST:,} bytes")
    try:
        return read_tree(archive.pieces(part))
    except ValueError as error:
        raise archive.damaged(str(error), part=part) from error
