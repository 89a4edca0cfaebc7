"""The commands for auditors: export, verify, report to a person, embargo."""

import base64
import json
import sys
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, Signature, signature
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID

import typer

from blacklist_service.audit import verify_bundle
from blacklist_service.audit.filters import FILTERS, EntryFilters, Filter
from blacklist_service.audit.formats import ExportFormat
from blacklist_service.audit.schemas import SearchIdentifierRequest, SearchSubjectRequest
from blacklist_service.cli import exporting
from blacklist_service.cli.environment import load_settings, opened
from blacklist_service.cli.options import AsJson, DataDir
from blacklist_service.console import proofs
from blacklist_service.ledger.notes import NoteError, VerifierKey
from blacklist_service.listings import certificates
from blacklist_service.subjects.identifiers import IdentifierType, SubjectKind

embargo_app = typer.Typer(no_args_is_help=True, help="Questions left out of a person's report: under investigation.")

NameOption = Annotated[str, typer.Option()]
NumberOption = Annotated[str, typer.Option("--id-number", help="the complete number")]
Type = Annotated[IdentifierType, typer.Option("--type", help="what number it is")]


def _with_filters(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each filter of the audit search; the command receives them together as `filters`."""

    @wraps(command)
    def filtered(**options: Any) -> None:
        given = {one.field: options.pop(one.field) for one in FILTERS}
        command(filters=exporting.filters_of(given), **options)

    parameters: list[Parameter] = []
    for one in signature(command, eval_str=True).parameters.values():
        parameters += map(_option, FILTERS) if one.name == "filters" else [one.replace(kind=Parameter.KEYWORD_ONLY)]
    filtered.__signature__ = Signature(parameters)  # type: ignore[attr-defined]
    filtered.__annotations__ = {one.name: one.annotation for one in parameters}
    return filtered


def _option(one: Filter) -> Parameter:
    name, type_ = f"--{one.name.replace('_', '-')}", int if one.type is int else str
    option = typer.Option(name, help=one.compares.hint or None)
    return Parameter(one.field, Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[type_ | None, option])


@_with_filters
def export(
    *,
    out: Annotated[Path, typer.Option(dir_okay=False, help="the bundle, a zip")],
    form: Annotated[ExportFormat, typer.Option("--format")] = ExportFormat.JSONL,
    filters: EntryFilters,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Export sealed entries as a bundle that can be verified offline; all entries unless filtered. The export is itself
    recorded.
    """
    with opened(load_settings(data_dir)) as workplace:
        made = exporting.export(workplace, out, filters, form)
    print(json.dumps({"rows": made.rows, "bytes": made.bytes}) if as_json else f"{made.rows} rows in {out}")


def verify(
    bundle: Annotated[Path, typer.Argument(dir_okay=False)],
    vkey: Annotated[
        Path | None, typer.Option(dir_okay=False, help="the log's public keys, from /v1/ledger/keys or /vkey")
    ] = None,
) -> None:
    """Verify an export bundle offline. Exits with 1 on any doubt, and with 3 without --vkey, because the bundle's own key
    proves nothing.
    """
    raise SystemExit(verify_bundle.main([str(bundle), *(["--vkey", str(vkey)] if vkey else [])]))


def verify_receipt(
    receipt: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="as the console's receipt page saved it")
    ],
    leaf: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="the receipt's entry, saved from the same page")
    ],
    vkey: Annotated[
        Path, typer.Option(exists=True, dir_okay=False, help="the log's public keys, from /v1/ledger/keys or /vkey")
    ],
) -> None:
    """Verify the receipt of a check (回执) and its entry offline. Exits with 1 on any doubt."""
    content = base64.b64encode(leaf.read_bytes()).decode()
    found = proofs.verify_receipt(receipt.read_text("utf-8"), content, vkey.read_text("utf-8"))
    if not found["is_proved"]:
        print(f"blacklist-service: not verified: {found['sentence']}", file=sys.stderr)
        raise SystemExit(1)
    print(f"verified: entry {found['index']} of {found['size']} in the log {found['origin']}")
    if found["ended"] is not None:
        print(verify_bundle.ending_of(found["origin"], found["ended"]))
        if found["ended"]["kept_size"] is not None:
            is_kept = found["index"] < found["ended"]["kept_size"]
            print("this entry is among them: request its receipt again" if is_kept else "this entry is not among them")


def verify_certificate(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, help="a certificate of removal, as it was saved")
    ],
    vkey: Annotated[
        Path,
        typer.Option(
            exists=True, dir_okay=False, help="the log's public keys, obtained from somewhere other than this service"
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Verify a certificate of removal (解除证明) offline. Exits with 1 on any doubt."""
    try:
        keys = [VerifierKey.parse(line) for line in vkey.read_text("utf-8").splitlines() if line]
        found = certificates.verify(file.read_bytes().decode("utf-8"), keys)
    except (certificates.CertificateError, NoteError, UnicodeDecodeError) as error:
        print(f"blacklist-service: not verified: {error}", file=sys.stderr)
        raise SystemExit(1) from None
    if as_json:
        print(json.dumps(dict(found.statement), ensure_ascii=False))
        return
    print(f"verified: {found.statement['number']}, {found.statement['court']}, {found.statement['case_number']}")
    print(certificates.ENDINGS[found.statement["ended"]])


def subject_report(
    name: NameOption,
    id_number: NumberOption,
    reason: Annotated[str, typer.Option(help="the person's request, by its file number")],
    kind: Annotated[SubjectKind, typer.Option()] = SubjectKind.PERSON,
    type_: Type = IdentifierType.RESIDENT_ID,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Report who asked about a person, when and for what (PIPL Art. 45), except questions under an embargo. The report is
    itself recorded.
    """
    with opened(load_settings(data_dir)) as workplace:
        found = exporting.report(workplace, _subject(name, id_number, kind, type_), reason)
    print(exporting.report_json(found) if as_json else exporting.report_text(found))


@embargo_app.command("set")
def embargo_set(
    name: NameOption,
    id_number: NumberOption,
    until: Annotated[str, typer.Option(help="the last day, such as 2018-10-20")],
    reason: Annotated[str, typer.Option()],
    agency: Annotated[str | None, typer.Option(help="leave out this member's questions only")] = None,
    reference: Annotated[str | None, typer.Option(help="leave out the questions with this reference only")] = None,
    kind: Annotated[SubjectKind, typer.Option()] = SubjectKind.PERSON,
    type_: Type = IdentifierType.RESIDENT_ID,
    data_dir: DataDir = None,
) -> None:
    """Leave questions about a person out of that person's report; prints the embargo's id."""
    with opened(load_settings(data_dir)) as workplace:
        asked = _subject(name, id_number, kind, type_)
        print(exporting.embargo(workplace, asked, agency=agency, reference=reference, until=until, reason=reason))


@embargo_app.command("lift")
def embargo_lift(embargo_id: UUID, data_dir: DataDir = None) -> None:
    """End an embargo before its last day."""
    with opened(load_settings(data_dir)) as workplace:
        is_new = exporting.lift(workplace, embargo_id)
    print("lifted" if is_new else "unchanged")


def add_to(app: typer.Typer) -> None:
    app.command("export")(export)
    app.command("verify")(verify)
    app.command("verify-receipt")(verify_receipt)
    app.command("verify-certificate")(verify_certificate)
    app.command("subject-report")(subject_report)
    app.add_typer(embargo_app, name="embargo")


def _subject(name: str, number: str, kind: SubjectKind, type_: IdentifierType) -> SearchSubjectRequest:
    return SearchSubjectRequest(kind=kind, name=name, identifier=SearchIdentifierRequest(type=type_, number=number))
