"""The pages' frame. `{name}` is filled by page.py; what is not markup is escaped.

Style and script are Python and not data files so that they reach every worker with the code. The policy lets
run what has their hashes and nothing else, whatever a stranger's request may hold.
"""

from __future__ import annotations

import base64
import hashlib

from markupsafe import Markup

from trueserve.transforms.publish.page.frame.script import SCRIPT
from trueserve.transforms.publish.page.frame.style import STYLE

#: What a verdict is called.
NAMES = {"ok": "No skew", "skew": "Skew", "not_examined": "Not examined", "failed": "Failed"}
HEAD = Markup(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title><style>{style}</style></head><body>
<main>
"""
)
PAGE = Markup(
    """{head}<div class="top"><span><b>trueserve</b> &middot; served against trained</span>
<span>{window}</span></div>
<section class="banner {verdict}">{icon}<div><h1>{name}</h1><p>{headline}</p></div></section>
{incidents}
{tiles}
{overview}
{trends}
{controls}
{folds}
{findings}
{drift}
{slices}
{models}
<div id="flat"></div>
{features}
{not_compared}
<h2>What became of the records</h2>
{accounting}
{weights}
{contract}
<footer>{footer}</footer>
{foot}"""
)
_FOOT = Markup("</main><script>{}</script></body></html>\n")


def head(title: str, style: Markup = STYLE) -> Markup:
    """All of a page before its content: policy, title and style."""
    return HEAD.format(policy=policy(style), title=title, style=style)


def foot() -> Markup:
    """What ends a page: its script."""
    return _FOOT.format(SCRIPT)


def policy(style: Markup) -> Markup:
    """A content security policy: this style, the one script, and nothing from anywhere else."""
    return Markup(
        "default-src 'none'; style-src '{}'; script-src '{}'; base-uri 'none'; form-action 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ).format(_digest(style), _digest(SCRIPT))


def _digest(source: Markup) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode("ascii")


ICONS = {
    "ok": Markup('<path d="M8 33 22 46 48 12"/>'),
    "skew": Markup(
        '<path d="M3 46C12 46 11 12 19 12S26 46 35 46" stroke-width="3"/>'
        '<path d="M21 46C30 46 29 12 37 12S44 46 53 46" fill="currentColor" fill-opacity=".35"/>'
    ),
    "not_examined": Markup('<circle cx="28" cy="28" r="20"/><path d="M14 42 42 14"/>'),
    "failed": Markup('<path d="M28 8v26M28 44v3"/>'),
}


def icon(verdict: str) -> Markup:
    """The verdict as a sign, 56 units square, in the colour of its banner."""
    return Markup(
        '<svg viewBox="0 0 56 56" fill="none" stroke="currentColor" stroke-width="5" stroke-linecap="round" '
        'stroke-linejoin="round" aria-hidden="true">{}</svg>'
    ).format(ICONS.get(verdict, ICONS["failed"]))
