"""The page's frame and style. `{name}` is filled by page.py; what is not markup is escaped.

It is Python and not a data file so that it reaches every worker with the code. There is no script in it,
and the policy lets none run whatever a stranger's request may hold.
"""

from __future__ import annotations

from markupsafe import Markup

STYLE = Markup("""
:root{color-scheme:light dark;--bg:#f4f6f8;--card:#fff;--ink:#16202b;--soft:#5b6876;--line:#dde3ea;
--serving:#3f8fd2;--ok:#1a7f4b;--error:#cf2f3d;--warning:#a96500;--info:#3572b0;--failed:#8a3ffc;
--okbg:#e6f5ec;--errorbg:#fdebec;--warningbg:#fdf3e0;--infobg:#e8f1fa;--failedbg:#f2eafe}
@media(prefers-color-scheme:dark){:root{--bg:#0f151b;--card:#18212a;--ink:#e6ecf2;--soft:#94a3b3;
--line:#2b3743;--serving:#4d9fe6;--ok:#46c07f;--error:#ff6b74;--warning:#f0ad3d;--info:#6cb0f5;
--failed:#b794ff;--okbg:#12301f;--errorbg:#3a171b;--warningbg:#35280f;--infobg:#13293e;--failedbg:#281b40}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main{max-width:1120px;margin:0 auto;padding:28px 20px 60px}
h1,h2{margin:0;line-height:1.25}h2{font-size:18px;margin:40px 0 12px}
h2 small{font-weight:400;font-size:14px;color:var(--soft);margin-left:8px}
p{margin:0}code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code,.n,td,li{overflow-wrap:anywhere}.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:18px 20px}
.top{display:flex;justify-content:space-between;gap:16px;flex-wrap:wrap;color:var(--soft);margin-bottom:14px}
.top b{color:var(--ink);letter-spacing:.01em}
.banner{display:flex;gap:20px;align-items:flex-start;border-radius:16px;padding:24px 26px;
border:1px solid var(--c);background:var(--cb)}
.banner svg{flex:none;width:56px;height:56px;color:var(--c)}
.banner h1{font-size:30px;color:var(--c)}.banner p{font-size:18px;overflow-wrap:anywhere}
.ok{--c:var(--ok);--cb:var(--okbg)}.skew,.error{--c:var(--error);--cb:var(--errorbg)}
.warning,.not_examined{--c:var(--warning);--cb:var(--warningbg)}
.failed{--c:var(--failed);--cb:var(--failedbg)}.info{--c:var(--info);--cb:var(--infobg)}
.none{--c:var(--ok);--cb:var(--okbg)}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-top:14px}
.tile{flex:1 1 120px;padding:12px 16px}.tile b{display:block;font-size:24px;line-height:1.2}
.tile span{color:var(--soft);font-size:13px}.tile.hot b{color:var(--c)}
.cells{display:flex;flex-wrap:wrap;gap:3px}
.cells a{width:16px;height:16px;border-radius:4px;background:var(--c);display:block}
.many .cells{gap:1px}.many .cells a{width:8px;height:8px;border-radius:2px}
.cells a:hover{outline:2px solid var(--ink)}
.cells a.na{background:var(--line)}
table{border-collapse:collapse;width:100%}th{font-weight:500;font-size:13px;color:var(--soft);text-align:left}
th,td{padding:8px 14px 8px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}.scroll{overflow-x:auto}
td.num,th.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.w{min-width:260px}td.of{min-width:150px}td.k{white-space:nowrap}.found td:nth-child(2){min-width:170px}
.overview{margin-top:12px}.overview p{font-size:13px;margin-top:8px}
.pill{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12.5px;color:var(--c);
background:var(--cb);white-space:nowrap}
.tag{display:inline-block;padding:0 7px;border-radius:5px;font-size:12px;color:var(--soft);
border:1px solid var(--line);white-space:nowrap}
.sum{display:flex;flex-wrap:wrap;gap:6px 12px;align-items:baseline}
.sum div b{font-size:19px;font-variant-numeric:tabular-nums}.sum div span{color:var(--soft);font-size:13px}
.sum i{color:var(--soft);font-style:normal}
.stack{display:flex;height:12px;border-radius:6px;overflow:hidden;background:var(--line);margin:14px 0 12px}
.stack i{min-width:2px}.c0{background:var(--serving)}.c1{background:var(--error)}.c2{background:#8896a5}
.c3{background:var(--warning)}.c4{background:#7c6bd6}
.dot{display:inline-block;width:9px;height:9px;border-radius:3px;margin-right:5px}
.legend{display:flex;gap:20px;align-items:center;flex-wrap:wrap;color:var(--soft);font-size:13.5px}
.legend svg{width:26px;height:14px;vertical-align:-2px;margin-right:6px}
.f{display:none}.tabs{display:flex;gap:6px;margin-left:auto}
.tabs label{cursor:pointer;border:1px solid var(--line);border-radius:99px;padding:2px 12px;font-size:13px}
#fa:checked~main label[for=fa],#fr:checked~main label[for=fr],#ft:checked~main label[for=ft],
#fp:checked~main label[for=fp],#fw:checked~main label[for=fw]{background:var(--ink);color:var(--card);
border-color:var(--ink)}
#fa:focus-visible~main label[for=fa],#fr:focus-visible~main label[for=fr],
#ft:focus-visible~main label[for=ft],#fp:focus-visible~main label[for=fp],
#fw:focus-visible~main label[for=fw]{outline:2px solid var(--serving)}
#fr:checked~main .row:not(.raw),#ft:checked~main .row:not(.transformed),
#fp:checked~main .row:not(.prediction),#fw:checked~main .row.none{display:none}
.row{display:grid;grid-template-columns:minmax(180px,1fr) minmax(280px,440px) minmax(210px,1fr);gap:8px 24px;
background:var(--card);border:1px solid var(--line);border-left:4px solid var(--c);border-radius:10px;
padding:14px 18px;margin-top:10px;content-visibility:auto;contain-intrinsic-size:auto 140px}
.row:target{outline:2px solid var(--serving)}
.row .n{font-weight:600;font-size:16px;display:block}.row ul{margin:8px 0 0;padding:0;list-style:none;
font-size:13.5px}.row li{margin-top:4px;padding-left:10px;border-left:3px solid var(--c)}
.row.none{border-left-color:var(--line)}
.row svg{width:100%;height:auto;display:block}
svg text{font-size:11px;fill:var(--soft)}svg .e{text-anchor:end}svg .m{text-anchor:middle}
svg .s{fill:var(--serving);fill-opacity:.5}svg .t{fill:none;stroke:var(--ink);stroke-width:1.4;
stroke-linejoin:round}svg .a{fill:none;stroke:var(--line)}
dl{margin:0;font-size:13.5px;display:grid;grid-template-columns:auto 1fr;gap:3px 12px}
dt{color:var(--soft)}dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
.meter{position:relative;height:8px;border-radius:4px;background:var(--line);margin:5px 0 8px}
.meter i{position:absolute;inset:0 auto 0 0;border-radius:4px;background:var(--c)}
.meter b{position:absolute;top:-3px;bottom:-3px;width:2px;background:var(--ink)}
.big{font-size:20px;font-weight:600;color:var(--c);font-variant-numeric:tabular-nums}
.none .big{color:var(--ink)}
details{margin-top:12px}summary{cursor:pointer;padding:8px 0;color:var(--info)}
.contract{grid-template-columns:minmax(160px,auto) 1fr}.contract dd{text-align:left}
footer{margin-top:40px;color:var(--soft);font-size:13.5px}a{color:var(--info)}
@media(max-width:860px){.row{grid-template-columns:1fr}.tabs{margin-left:0}.banner{padding:18px}
.banner svg{width:36px;height:36px}.banner h1{font-size:24px}}
@media(max-width:700px){.found :is(th,td):is(:nth-child(3),:nth-child(4)){display:none}
.found td:nth-child(2){min-width:120px}td.w{min-width:200px}}
@media print{.row{break-inside:avoid}.tabs{display:none}}
""")

POLICY = Markup("default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'")

PAGE = Markup(
    """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width,initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title><style>{style}</style></head><body>
<input class="f" type="radio" name="f" id="fa" checked><input class="f" type="radio" name="f" id="fw">
<input class="f" type="radio" name="f" id="fr"><input class="f" type="radio" name="f" id="ft">
<input class="f" type="radio" name="f" id="fp">
<main>
<div class="top"><span><b>trueserve</b> &middot; served against trained</span><span>{window}</span></div>
<section class="banner {verdict}">{icon}<div><h1>{name}</h1><p>{headline}</p></div></section>
{tiles}
{overview}
{findings}
{drift}
{slices}
{replay}
{features}
{not_compared}
<h2>What became of the records</h2>
{accounting}
{weights}
{contract}
<footer>{footer}</footer>
</main></body></html>
"""
)

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
