"""One HTML file with everything inside: it reads well at any width, and needs no network."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #1b1f24; margin: 0 auto; padding: 1rem;
  max-width: 68rem; }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .5rem 0; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .5rem; border-bottom: 1px solid #d0d7de; }
p, dl, figcaption { max-width: 46rem; }
.lead { font-size: 1.1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: #57606a; }
dd { margin: 0; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem; }
th, td { padding: .2rem .7rem .2rem 0; text-align: right; white-space: nowrap; }
thead th { border-bottom: 1px solid #1b1f24; }
.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr));
  gap: 1rem; align-items: start; }
figure { margin: 0; max-width: 34rem; }
img { width: 100%; height: auto; }
figcaption { color: #57606a; font-size: .9rem; }
pre { background: #f6f8fa; padding: .8rem; overflow-x: auto; font-size: .85rem; }
@media (max-width: 30rem) {
  dl { grid-template-columns: 1fr; gap: 0; }
  dd { margin-bottom: .5rem; }
}
"""


def page(title: str, lead: str, sections: Mapping[str, str]) -> str:
    """Return the page: what it is about, what came out, and the HTML of each section."""
    body = "".join(f"<h2>{escape(name)}</h2>\n{html}\n" for name, html in sections.items())
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>{escape(title)}</h1>\n<p class="lead">{escape(lead)}</p>\n{body}</body>\n</html>\n'
    )


def paragraph(text: str) -> str:
    """Return plain text as a paragraph."""
    return f"<p>{escape(text)}</p>"


def facts(values: Mapping[str, str]) -> str:
    """Return names and values, one a line."""
    lines = "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>\n" for k, v in values.items())
    return f"<dl>{lines}</dl>"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, which scrolls by itself where the page is narrow."""
    head = "".join(f"<th>{escape(cell)}</th>" for cell in header)
    body = "\n".join(
        "<tr>" + "".join(f"<td>{escape(c)}</td>" for c in row) + "</tr>" for row in rows
    )
    rows_html = f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>"
    return f'<div class="wide"><table>{rows_html}</table></div>'


def more(summary: str, html: str) -> str:
    """Return HTML that is folded up under a line of text."""
    return f"<details><summary>{escape(summary)}</summary>\n{html}</details>"


def code(text: str) -> str:
    """Return lines of code."""
    return f"<pre><code>{escape(text.strip())}</code></pre>"


def figures(drawn: Mapping[str, Figure]) -> str:
    """Return figures, by caption, side by side as far as the width allows."""
    html = "".join(
        f'<figure><img alt="{escape(caption)}" src="data:image/png;base64,{_as_png(figure)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>\n"
        for caption, figure in drawn.items()
    )
    return f'<div class="figures">{html}</div>'


def _as_png(figure: Figure) -> str:
    # Inside the page, so that it can be sent and kept as one file.
    file = io.BytesIO()
    figure.savefig(file, format="png", dpi=160)
    return base64.b64encode(file.getvalue()).decode()
