"""The certificate of removal (解除证明): one printable page that contains its own proof. Pure.

Its statement is a canonical JSON object. The log's entry commits to the statement's SHA-256, the receipt proves the entry,
and the page is rendered from the two and nothing else: if anybody changes a letter, the page no longer matches them.
"""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape, unescape
from typing import Any

import orjson

from blacklist_service.ledger.entries import canonical
from blacklist_service.ledger.notes import NoteError, Proof, VerifierKey, verified_checkpoint
from blacklist_service.ledger.tree import TreeError, leaf_hash, verify_inclusion
from blacklist_service.listings.printing import sheet, table

VERSION = 1
TITLE = "失信信息解除证明"
PART = re.compile(r'<pre id="(statement|leaf|receipt)">([^<]*)</pre>')
WIDTH = 76
ENDINGS: Mapping[str, str] = {
    "deleted": "上述失信信息已经人民法院依法删除，自删除之日起不再公布，也不再作为实施惩戒的依据。",
    "expired": "上述失信信息的公布期限已经届满，自届满次日起不再公布，也不再作为实施惩戒的依据。",
    "withdrawn": "上述失信信息自始不应纳入名单，已经人民法院依法撤销；据此作出的限制自始没有依据。",
}
GROUNDS: Mapping[str, str] = {
    "unstated": "未载明",
    "performed": "全部履行或者执行完毕",
    "settlement_performed": "达成执行和解并履行完毕",
    "creditor_request": "申请执行人书面申请",
    "no_assets_found": "终结本次执行程序后未发现可供执行财产",
    "stayed": "中止执行",
    "not_to_enforce": "裁定不予执行",
    "terminated": "裁定终结执行",
    "early_by_decision": "决定提前删除",
    "term_expired": "期限届满",
    "absent_from_snapshot": "名单更新时不再列入",
}
OTHERS = "本证明仅就上列案件的失信信息出具，不涉及该当事人在其他案件中的情况。"
HOW_TO_VERIFY = (
    "本证明可离线核验：向法院或者审计机关另行取得日志公钥（vkey），执行 "
    "blacklist-service audit verify-certificate 本文件 --vkey 公钥文件；任何改动均使核验失败。"
    "不用本软件亦可核验：statement 解码后的 SHA-256 即 leaf 中的 certificate；"
    "receipt 为 C2SP tlog-proof，证明 leaf 在日志之中。"
)


class CertificateError(ValueError):
    """The certificate proves nothing; the message says why."""


@dataclass(frozen=True, slots=True)
class Verified:
    """The statement of a certificate, and the time of the checkpoint that proves it."""

    statement: Mapping[str, Any]
    index: int
    size: int


def digest_of(statement: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical(dict(statement))).hexdigest()


def render(statement: Mapping[str, Any], leaf: bytes, receipt: str) -> str:
    """The page: without scripts, and printable without loading anything else."""
    parts = {"statement": _encode(canonical(dict(statement))), "leaf": _encode(leaf), "receipt": escape(receipt)}
    blocks = "".join(f'<h3>{name}</h3><pre id="{name}">{content}</pre>' for name, content in parts.items())
    body = (
        f"{table(_lines(statement))}<p>{escape(ENDINGS[statement['ended']])}</p><p>{OTHERS}</p>"
        f"<h2>核验方法</h2><p>{HOW_TO_VERIFY}</p>{blocks}"
    )
    return sheet(TITLE, body, style="pre{font-size:.7em;white-space:pre-wrap;word-break:break-all}")


def verify(page: str, keys: Sequence[VerifierKey]) -> Verified:
    """Raise `CertificateError` unless the page matches, letter by letter, what a log with one of the keys recorded."""
    page = page.replace("\r\n", "\n").removeprefix("\ufeff")
    parts = dict(PART.findall(page))
    if set(parts) != {"statement", "leaf", "receipt"}:
        raise CertificateError("this file is no certificate of removal")
    try:
        return _verified(page, parts, keys)
    except (NoteError, TreeError) as error:
        raise CertificateError(str(error)) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, CertificateError):
            raise
        raise CertificateError("what should prove it cannot be read") from None


def _verified(page: str, parts: Mapping[str, str], keys: Sequence[VerifierKey]) -> Verified:
    statement = orjson.loads(base64.b64decode(parts["statement"]))
    leaf, receipt = base64.b64decode(parts["leaf"]), unescape(parts["receipt"])
    facts, proof = orjson.loads(leaf)["facts"], Proof.parse(receipt)
    checkpoint = verified_checkpoint(proof.checkpoint, keys)
    verify_inclusion(
        leaf=leaf_hash(leaf), index=proof.index, size=checkpoint.size, hashes=proof.hashes, root=checkpoint.root
    )
    if facts.get("certificate") != digest_of(statement) or facts.get("number") != statement["number"]:
        raise CertificateError("the log's entry is about another certificate")
    if render(statement, leaf, receipt) != page:
        raise CertificateError("the page says something else than what was recorded")
    return Verified(statement, proof.index, checkpoint.size)


def _lines(statement: Mapping[str, Any]) -> list[tuple[str, str]]:
    ground = statement.get("ground")
    lines = [
        ("证明编号", statement["number"]),
        ("出具法院", statement["court"]),
        ("当事人", statement["debtor_name"]),
        ("证件号码", statement["debtor_identifier_masked"] or "未登记"),
        ("执行案号", statement["case_number"]),
        ("发布日期", statement["published_on"]),
        ("解除方式", {"deleted": "删除", "expired": "期限届满", "withdrawn": "撤销"}[statement["ended"]]),
        ("解除日期", statement["ended_on"]),
        ("出具日期", statement["issued_on"]),
    ]
    if ground:
        lines.insert(7, ("解除事由", GROUNDS.get(ground, ground)))
    return lines


def _encode(content: bytes) -> str:
    text = base64.b64encode(content).decode()
    return "\n".join(text[start : start + WIDTH] for start in range(0, len(text), WIDTH))
