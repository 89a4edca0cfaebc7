"""Finds the parts of an XLSX file by its relationships, not by their usual names.

The archive has been checked before (`workbook_limits`): its XML has no document type.
"""

import io
import posixpath
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import BinaryIO
from xml.etree import ElementTree as ET

from blacklist_service.listings.files.problems import UnreadableFile

USUAL_MAIN = "xl/workbook.xml"
_NO_WORKBOOK = "The file is an archive and no XLSX workbook; open it in a spreadsheet and save it as .xlsx, or as CSV."


@dataclass(frozen=True, slots=True)
class Parts:
    main: str
    is_1904: bool
    sheets: Mapping[str, str]
    """The names of the sheets, and their parts."""


def find_parts(archive: zipfile.ZipFile) -> Parts:
    """Find the workbook and its sheets; raise `UnreadableFile` if the archive contains none."""
    names = {name.lower(): name for name in archive.namelist()}
    main = _main_part(archive, names)
    root = _parse(archive.read(main))
    targets = _targets(archive, names, main)
    sheets = {}
    for sheet in (one for one in root.iter() if _local(one.tag) == "sheet"):
        reference = next((value for name, value in sheet.attrib.items() if _local(name) == "id" and name != "id"), "")
        if (part := names.get(targets.get(reference, "").lower())) is not None:
            sheets[sheet.get("name", "")] = part
    properties = next((one for one in root.iter() if _local(one.tag) == "workbookPr"), None)
    date1904 = properties.get("date1904", "") if properties is not None else ""
    return Parts(main, date1904.strip().lower() in ("1", "true", "on"), sheets)


def under_usual_names(archive: zipfile.ZipFile, parts: Parts) -> BinaryIO:
    """Rebuild the workbook with its main part where the library looks for it, and references relative to the root."""
    folder, name = posixpath.split(parts.main)
    relations = posixpath.join(folder, "_rels", f"{name}.rels")
    moved = {parts.main: USUAL_MAIN, relations: "xl/_rels/workbook.xml.rels"}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as copy:
        for part in archive.namelist():
            content = archive.read(part)
            if part == relations:
                content = _from_the_root(content, folder)
            copy.writestr(moved.get(part, part), content)
    out.seek(0)
    return out


def _main_part(archive: zipfile.ZipFile, names: Mapping[str, str]) -> str:
    if (top := names.get("_rels/.rels")) is not None:
        for relation in _parse(archive.read(top)):
            if relation.get("Type", "").endswith("/officeDocument"):
                target = posixpath.normpath(relation.get("Target", "").lstrip("/"))
                if target.lower().endswith(".bin"):
                    raise UnreadableFile("The file is a binary workbook (.xlsb); save it as .xlsx, or as CSV.")
                if (part := names.get(target.lower())) is not None and part.lower().endswith(".xml"):
                    return _checked_main(archive, part)
    if (usual := names.get(USUAL_MAIN)) is not None:
        return usual
    raise UnreadableFile(_NO_WORKBOOK)


def _checked_main(archive: zipfile.ZipFile, part: str) -> str:
    if _local(_parse(archive.read(part)).tag) != "workbook":  # a Word or PowerPoint file has a main part too
        raise UnreadableFile(_NO_WORKBOOK)
    return part


def _targets(archive: zipfile.ZipFile, names: Mapping[str, str], main: str) -> dict[str, str]:
    folder, name = posixpath.split(main)
    relations = names.get(posixpath.join(folder, "_rels", f"{name}.rels").lower())
    if relations is None:
        return {}
    return {one.get("Id", ""): _resolved(one.get("Target", ""), folder) for one in _parse(archive.read(relations))}


def _from_the_root(relations: bytes, folder: str) -> bytes:
    root = _parse(relations)
    for one in root:
        if one.get("TargetMode") != "External":
            one.set("Target", "/" + _resolved(one.get("Target", ""), folder))
    written: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return written


def _resolved(target: str, folder: str) -> str:
    return target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))


def _local(name: str) -> str:
    return name.rpartition("}")[2]


def _parse(content: bytes) -> ET.Element:
    try:
        return ET.fromstring(content)  # noqa: S314 - parts with a document type were refused
    except (ET.ParseError, ValueError, LookupError):
        raise UnreadableFile("The workbook is damaged or incomplete.") from None
