"""Pages to print: self-contained, without scripts, loading nothing from elsewhere. Pure."""

from collections.abc import Iterable
from html import escape

STYLE = (
    "body{font-family:serif;max-width:46em;margin:2em auto}h1{text-align:center}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #999;padding:.4em;text-align:left;vertical-align:top}th{width:9em}"
)


def sheet(title: str, body: str, *, style: str = "") -> str:
    """`body` is HTML; `style` is added to the sheet's own."""
    return (
        f'<!doctype html><html lang="zh-CN"><head><meta charset="utf-8"><title>{title}</title><style>'
        f"{STYLE}{style}</style></head><body><h1>{title}</h1>{body}</body></html>\n"
    )


def table(lines: Iterable[tuple[str, str]]) -> str:
    rows = "".join(f"<tr><th>{escape(label)}</th><td>{escape(value)}</td></tr>" for label, value in lines)
    return f"<table>{rows}</table>"
