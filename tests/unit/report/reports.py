"""Reports to draw: a large one of forty tables, and one whose every text is hostile."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

from pipeline.catalog import Relationship
from pipeline.outcome import Finding, Level
from pipeline.record import LossSample, Pace, RejectSample, RunRecord
from pipeline.report.document import Report, Standing, TableReport, total

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
_PARENTS = {
    "company": "", "site": "company", "plant": "site", "line": "plant", "machine": "line", "item": "unit",
    "unit": "", "currency": "", "account": "currency", "customer": "account", "supplier": "account",
    "contact": "customer supplier", "address": "customer", "contract": "supplier",
    "purchase_order": "contract employee", "purchase_line": "purchase_order item", "sales_order": "customer",
    "sales_line": "sales_order item", "invoice": "sales_order", "invoice_line": "invoice sales_line",
    "payment": "invoice account", "shipment": "sales_order warehouse", "shipment_line": "shipment sales_line",
    "warehouse": "site", "shelf": "warehouse", "stock": "shelf item", "stock_move": "stock employee",
    "routing": "item", "routing_step": "routing process machine", "process": "", "recipe": "item",
    "recipe_line": "recipe item", "inspection": "stock_move", "defect_code": "",
    "inspection_result": "inspection defect_code", "employee": "department employee",
    "department": "company employee", "shift": "plant", "calendar": "",
    "생산_실적_집계": "routing_step shift employee",
}  # fmt: skip
"""By table, those that it refers to: one circle, one key of a table to itself, and one table alone."""


def run(state: str = "done") -> RunRecord:
    ends = AT + timedelta(minutes=7, seconds=12)
    return RunRecord(
        "20261121-093000-ab12cd", "migrate", "plant.accdb", "f" * 64, "a" * 64, "0.1.0", "pc", state, AT, ends
    )


def table(name: str, *, read: int = 1000, **other: object) -> TableReport:
    values = {
        "source": name, "target_schema": "public", "target": name, "state": "done", "read": read, "loaded": read,
        "refused": 0, "filtered": 0, "losses": 0, "seconds": read / 70_000, "run_id": run().run_id, "verified": True,
        "findings": 0,
    }  # fmt: skip
    return TableReport(**(values | other))  # type: ignore[arg-type]


def report(tables: tuple[TableReport, ...], standing: Standing = Standing.COMPLETE, **other: object) -> Report:
    values = {
        "standing": standing, "run": run(), "target": "postgresql://naru@db.example:5432/plant", "later_run": None,
        "totals": total(tables), "tables": tables, "relationships": (), "verified_at": AT,
        "level": Level.CONTENT, "proof": "9" * 64, "findings": (),
        "pace_run": None, "pace": (), "rejects": (), "losses": (),
    }  # fmt: skip
    return Report(**(values | other))  # type: ignore[arg-type]


def large() -> Report:
    """Forty tables, one circle of keys, one table of itself, refused rows, losses and findings."""
    tables = [table(name, read=(i * 7919) % 400_000 + 3) for i, name in enumerate(_PARENTS)]
    tables[17] = table("sales_line", read=1_234_567, loaded=1_234_500, refused=67, losses=1200, findings=1)
    tables[24] = table("shelf", read=60, loaded=40, filtered=20, source="선반")
    empty = dict.fromkeys("abcdef")
    return report(
        tuple(tables),
        Standing.DIFFERENCES,
        relationships=tuple(
            Relationship(f"fk_{child}_{parent}", ("public", child), ("public", parent), (f"{parent}_id",))
            for child, parents in _PARENTS.items()
            for parent in parents.split()
        ),
        findings=(
            Finding("rejects", "sales_line", "orphan", 67, "67 rows wait in the quarantine: no parent in sales_order"),
            Finding("counts", "shelf", "claimed rows", 3, "the source's own count is 63 rows, and 60 are found", True),
        ),
        pace_run=run().run_id,
        pace=tuple(Pace(i * 4.5, i * 4.5 + 4.5, 300_000 * (1 + (i * 37 % 11) / 10) / (1 + i / 60)) for i in range(96)),
        rejects=tuple(
            RejectSample(
                "public", "sales_line", "constraint", "orphan", 67, i, 65_793 + i, "no row 4711 in sales_order",
                json.dumps({"id": i, "sales_order_id": 4711, "품명": "볼트", "note": "x" * 99} | empty),
            )
            for i in (1, 2, 3)
        ),
        losses=tuple(
            LossSample(
                "public", "sales_line", "sold_at", "round_to_microsecond", 1200, i, json.dumps({"id": i}),
                f"2026-01-0{i} 10:00:00.1234567", f"2026-01-0{i} 10:00:00.123457",
            )
            for i in (1, 2, 3)
        ),
    )  # fmt: skip


def hostile(address: str) -> Report:
    """Every text tries to run, to fetch from the address, to end its element, or to turn the page around."""
    script = f"<script>document.title='owned';fetch('{address}/script')</script>"
    image = f"\"'><img src={address}/image onerror=\"document.title='owned'\">"
    style = f"</style><style>body{{background:url({address}/style)}}</style>"
    frame = f"]]></title></svg><iframe src={address}/frame></iframe><link rel=stylesheet href={address}/link>"
    turned = "a\u202eb\u2066c\u200fd\0\ud83d{{ 7 * 7 }}{% raw %}"
    names = (script, image, style, frame, turned, "שלום عالم", "가" * 10_000, "W" * 10_000, "{source}{0}%s")
    tables = tuple(table(name, source=name + turned, target_schema=image, findings=1) for name in names)
    row = json.dumps({script: image, "": style, "a": {"$bytes": frame}, "long": "W" * 500, "nested": [turned]})
    return report(
        tables,
        Standing.DIFFERENCES,
        run=RunRecord(script, image, frame, style, turned, "W" * 10_000, script, script, AT, None),
        target=script,
        later_run=image,
        relationships=tuple(
            Relationship(script, (image, name), (image, names[0]), (style, turned)) for name in names[1:]
        ),
        findings=tuple(Finding(name, name, script, 1, image + turned) for name in names),
        pace_run=script,
        pace=(Pace(0, 1, 5), Pace(1, 2, 1e15)),
        rejects=(
            *(RejectSample(image, name, script, style, 9, 1, None, frame, row) for name in names),
            RejectSample(image, names[0], "copy", "cut", 1, 2, 3, turned, row[:70] + "[" * 1500),
        ),
        losses=tuple(LossSample(image, name, script, frame, 9, None, style, image, turned) for name in names),
    )
