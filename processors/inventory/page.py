"""The report on likeness as one page: no script, nothing from elsewhere, every value escaped."""

from html import escape

from processors.inventory.anonymity import Report
from processors.inventory.likeness import NAMES

_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;color:#222}
table{border-collapse:collapse;margin:.5rem 0 1.5rem}td,th{padding:.15rem .8rem .15rem 0;text-align:left}
td.n{text-align:right}.bar{display:inline-block;height:.8rem;background:#4a7fb5;vertical-align:middle}
.few{background:#c0504d}.big{font-size:1.3rem}"""
_WIDEST_PX = 320


def page(project: str, report: Report) -> str:
    """The whole page."""
    most = max((classes for _, classes in report.sizes), default=1)
    sizes = "".join(_bar(size, classes, most, few=size < report.k) for size, classes in report.sizes)
    rare = "".join(_row(each.name, each.value, each.patients) for each in report.rare)
    hints = "".join(_row(", ".join(each.without), each.smallest, each.exposed) for each in report.hints)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Likeness of patients in {escape(project)}</title><style>{_STYLE}</style></head><body>
<h1>Likeness of patients in {escape(project)}</h1>
<p class="big">{escape(sentence(report))}</p>
<p>A class is every patient with a study of the same {escape(", ".join(NAMES).replace("_", " "))}, as these left.</p>
<h2>Classes by size</h2>
<table><tr><th>patients</th><th>classes</th><th></th></tr>{sizes}</table>
<h2>Values that fewer than {report.k} patients have</h2>
<table><tr><th>attribute</th><th>value</th><th>patients</th></tr>{rare}</table>
<h2>What to leave out first</h2>
<table><tr><th>without</th><th>smallest class</th><th>patients in classes below {report.k}</th></tr>{hints}</table>
</body></html>
"""


def sentence(report: Report) -> str:
    """The report in one sentence."""
    return (
        f"{report.patients:,} patients in {report.classes:,} classes; the smallest has {report.smallest:,}, and "
        f"{report.exposed:,} patients ({report.share:.1%}) are in one of fewer than {report.k}."
    )


def _row(*cells: str | int) -> str:
    told = (f'<td class="n">{cell:,}</td>' if isinstance(cell, int) else f"<td>{escape(cell)}</td>" for cell in cells)
    return f"<tr>{''.join(told)}</tr>"


def _bar(size: int, classes: int, most: int, *, few: bool) -> str:
    width = max(2, round(_WIDEST_PX * classes / most))
    bar = f'<span class="bar{" few" if few else ""}" style="width:{width}px"></span>'
    return f'<tr><td class="n">{size:,}</td><td class="n">{classes:,}</td><td>{bar}</td></tr>'
