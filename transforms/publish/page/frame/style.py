"""The pages' style sheet. Its hash is in the policy: there are no style attributes, whoever writes them."""

from __future__ import annotations

from markupsafe import Markup

STYLE = Markup("""
:root{color-scheme:light dark;--bg:#f4f6f8;--card:#fff;--ink:#16202b;--soft:#55616e;--line:#dde3ea;
--serving:#2f7fc4;--ok:#14693d;--error:#b4232f;--warning:#7f4d00;--info:#285f9a;--failed:#6f2bd8;
--okbg:#dff1e6;--errorbg:#fdebec;--warningbg:#fdf0d8;--infobg:#e8f1fa;--failedbg:#f2eafe;
--hot:#cf2f3d;--warm:#e0a33a;--mild:#f5dfb4;--calm:#c9e5d4}
@media(prefers-color-scheme:dark){:root{--bg:#0f151b;--card:#18212a;--ink:#e6ecf2;--soft:#9aa9b8;
--line:#2b3743;--serving:#4d9fe6;--ok:#5fcf92;--error:#ff8087;--warning:#f0ad3d;--info:#7cb9f7;
--failed:#c0a5ff;--okbg:#12301f;--errorbg:#3a171b;--warningbg:#35280f;--infobg:#13293e;--failedbg:#281b40;
--hot:#ff6b74;--warm:#c98a24;--mild:#5c4516;--calm:#1d4a31}}
*{box-sizing:border-box}[hidden]{display:none!important}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",
Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif}
main{max-width:1160px;margin:0 auto;padding:22px 20px 60px}
h1,h2,h3{margin:0;line-height:1.25}h2{font-size:18px;margin:34px 0 12px}h3{font-size:17px}
h2 small{font-weight:400;font-size:14px;color:var(--soft);margin-left:8px}
p{margin:0}code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
code,.n,td,li,h3,p,summary,dt,dd,figcaption{overflow-wrap:anywhere}.soft{color:var(--soft)}
.card{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 20px}
.card+.card,.gap{margin-top:12px}
.top{display:flex;justify-content:space-between;gap:4px 16px;flex-wrap:wrap;color:var(--soft);
margin-bottom:12px}.top b{color:var(--ink);letter-spacing:.01em}
.banner{display:flex;gap:18px;align-items:flex-start;border-radius:14px;padding:18px 22px;
border:1px solid var(--c);background:var(--cb)}
.banner svg{flex:none;width:48px;height:48px;color:var(--c)}
.banner h1{font-size:27px;color:var(--c)}.banner p{font-size:17px}
.ok{--c:var(--ok);--cb:var(--okbg)}.skew,.error{--c:var(--error);--cb:var(--errorbg)}
.warning,.not_examined{--c:var(--warning);--cb:var(--warningbg)}
.failed{--c:var(--failed);--cb:var(--failedbg)}.info{--c:var(--info);--cb:var(--infobg)}
.none,.resolved{--c:var(--ok);--cb:var(--okbg)}
.tiles{display:flex;flex-wrap:wrap;gap:12px;margin-top:12px}
.tile{flex:1 1 120px;padding:10px 16px}.card.tile{margin:0}
.tile b{display:block;font-size:22px;line-height:1.2}
.tile span{color:var(--soft);font-size:13px}.tile.hot b{color:var(--c)}
.cells{display:flex;flex-wrap:wrap;gap:3px}
.cells a{width:16px;height:16px;border-radius:4px;background:var(--c);display:block}
.many .cells{gap:1px}.many .cells a{width:8px;height:8px;border-radius:2px}
.cells a:hover,.cells a:focus-visible{outline:2px solid var(--ink)}
.cells a.na{background:var(--line)}.p1{opacity:.25}.p2{opacity:.4}.p3{opacity:.55}.p4{opacity:.7}
.p5{opacity:.85}
table{border-collapse:collapse;width:100%}th{font-weight:500;font-size:13px;color:var(--soft);text-align:left}
th,td{padding:8px 14px 8px 0;border-bottom:1px solid var(--line);vertical-align:top}
tr:last-child td{border-bottom:0}.scroll{overflow-x:auto}.narrow{max-width:460px}
td.num,th.num{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.w{min-width:260px}td.of{min-width:150px}td.k{white-space:nowrap}.found td:nth-child(2){min-width:170px}
.overview{margin-top:12px}.overview p{font-size:13px;margin-top:8px}
.pill{display:inline-block;padding:1px 9px;border-radius:99px;font-size:12.5px;color:var(--c);
background:var(--cb);white-space:nowrap}
.tag{display:inline-block;padding:0 7px;border-radius:5px;font-size:12px;color:var(--soft);
border:1px solid var(--line);font-weight:400;max-width:100%;overflow-wrap:break-word}
.sum{display:flex;flex-wrap:wrap;gap:6px 12px;align-items:baseline}
.sum div b{font-size:19px;font-variant-numeric:tabular-nums}.sum div span{color:var(--soft);font-size:13px}
.sum i{color:var(--soft);font-style:normal}
.stack{display:block;width:100%;height:12px;border-radius:6px;background:var(--line);margin:14px 0 12px}
.c0{background:var(--serving);fill:var(--serving)}.c1{background:var(--hot);fill:var(--hot)}
.c2{background:#8896a5;fill:#8896a5}.c3{background:var(--warm);fill:var(--warm)}
.c4{background:#7c6bd6;fill:#7c6bd6}
.dot{display:inline-block;width:9px;height:9px;border-radius:3px;margin-right:5px}
.legend{display:flex;margin:-4px 0 8px;gap:8px 20px;
align-items:center;flex-wrap:wrap;color:var(--soft);font-size:13.5px}
.legend svg{width:26px;height:14px;vertical-align:-2px;margin-right:6px}
.inc{border-left:5px solid var(--c);display:grid;grid-template-columns:minmax(300px,5fr) 7fr;gap:10px 26px}
.inc h3{margin:6px 0 4px}.inc dl{margin-top:8px;grid-template-columns:auto minmax(0,1fr)}
.inc dd{text-align:left}
.inc .do{margin-top:4px}.pics{display:flex;flex-wrap:wrap;gap:8px 14px;align-content:flex-start}
.pics figure{margin:0;flex:1 1 190px;max-width:270px;min-width:0}figcaption{font-size:13px;font-weight:600}
.pics p{flex-basis:100%}.pics svg{width:100%;height:auto;display:block}
.bar{display:flex;flex-wrap:wrap;gap:8px 12px;align-items:end;position:sticky;top:0;z-index:2;
background:var(--bg);padding:10px 0}
.bar label{font-size:12.5px;color:var(--soft);display:grid;gap:2px}
.bar input,.bar select{font:inherit;font-size:14px;color:var(--ink);background:var(--card);
border:1px solid var(--soft);border-radius:8px;padding:5px 8px;max-width:100%}
.bar input{width:240px}.bar output{font-size:13.5px;color:var(--soft);padding-bottom:7px}
.fold{border-left:3px solid var(--c);padding-left:14px}.fold>summary{font-weight:600;color:inherit}
.fold summary .soft{font-weight:400}
.g{content-visibility:auto;contain-intrinsic-size:auto 150px;margin-top:10px;border-radius:10px;
border:1px solid var(--line);background:var(--card);overflow:hidden}
.row{display:grid;grid-template-columns:minmax(180px,1fr) minmax(280px,440px) minmax(210px,1fr);gap:8px 24px;
border-left:4px solid var(--c);padding:14px 18px}.row+.row{border-top:1px solid var(--line)}
.row:target{outline:2px solid var(--serving);outline-offset:-2px}
.row .n{font-weight:600;font-size:16px;display:block}.row ul{margin:8px 0 0;padding:0;list-style:none;
font-size:13.5px}.row li{margin-top:4px;padding-left:10px;border-left:3px solid var(--c)}
.row.none{border-left-color:var(--line)}
.row svg{width:100%;height:auto;display:block}
svg text{font-size:11px;fill:var(--soft)}svg .e{text-anchor:end}svg .m{text-anchor:middle}
svg .s{fill:var(--serving);fill-opacity:.5}svg .t{fill:none;stroke:var(--ink);stroke-width:1.4;
stroke-linejoin:round}svg .a{fill:none;stroke:var(--line)}svg .l{fill:none;stroke:var(--soft);
stroke-dasharray:3 3}svg .v{fill:none;stroke:var(--serving);stroke-width:1.8;stroke-linejoin:round}
svg .d{fill:var(--serving)}
svg .mark{fill:var(--ink);fill-opacity:.12}svg:focus-visible{outline:2px solid var(--serving)}
dl{margin:0;font-size:13.5px;display:grid;grid-template-columns:auto 1fr;gap:3px 12px}
dt{color:var(--soft)}dd{margin:0;text-align:right;font-variant-numeric:tabular-nums}
.row .meter{height:12px;margin:4px 0 6px;background:linear-gradient(var(--ink),var(--ink)) 50%/2px 12px
no-repeat,linear-gradient(var(--line),var(--line)) 50%/100% 8px no-repeat}
.meter path{stroke:var(--c);stroke-width:6}
.big{font-size:20px;font-weight:600;color:var(--c);font-variant-numeric:tabular-nums}
.none .big{color:var(--ink)}
.heat{display:grid;grid-template-columns:fit-content(45%) 1fr;gap:3px 12px;align-items:center;font-size:13px}
.heat svg{width:100%;height:16px;display:block}
.heat a,.heat span{overflow-wrap:anywhere}.heat path{fill:none;stroke-width:1}
.x{stroke:var(--line)}.z{stroke:var(--calm)}.y{stroke:var(--mild)}.w{stroke:var(--warm)}.h{stroke:var(--hot)}
.key{display:flex;flex-wrap:wrap;gap:4px 16px;margin-top:10px;font-size:13px}
.key svg{width:14px;height:14px;vertical-align:-2px;margin-right:5px}
.ends{display:flex;justify-content:space-between;font-size:12px;color:var(--soft)}
.runs{display:flex;flex-wrap:wrap;gap:4px 12px;margin:8px 0 0;padding:0;list-style:none;font-size:13.5px}
#tip{position:fixed;z-index:9;max-width:min(340px,92vw);padding:6px 10px;border-radius:8px;font-size:13px;
background:var(--ink);color:var(--card);pointer-events:none;white-space:pre-line;overflow-wrap:anywhere}
details{margin-top:12px}summary{cursor:pointer;padding:8px 0;color:var(--info)}
.contract{grid-template-columns:minmax(160px,auto) minmax(0,1fr)}.contract dd{text-align:left}
footer{margin-top:40px;color:var(--soft);font-size:13.5px}a{color:var(--info)}
@media(max-width:860px){.row,.inc{grid-template-columns:minmax(0,1fr)}.banner{padding:16px}
.banner svg{width:34px;height:34px}.banner h1{font-size:23px}.bar{position:static}}
@media(max-width:700px){main{padding:14px 12px 40px}.card{padding:12px 14px}
.found tr:has(th){display:none}.found tr{display:flex;flex-wrap:wrap;gap:2px 10px;padding:10px 0;
border-bottom:1px solid var(--line)}.found tr:last-child{border:0}
.found td{border:0;padding:0;min-width:0!important}
.found td.w{flex-basis:100%}.contract{grid-template-columns:minmax(0,1fr)}.contract dt{margin-top:6px}
.tile{flex-basis:90px}.bar label,.bar input,.bar select{flex:1 1 130px;width:100%}
.fold{padding-left:8px}.heat{grid-template-columns:1fr}.heat svg{margin-bottom:5px}
.heat>span:empty{display:none}.pics figure:nth-of-type(n+3){display:none}}
@media print{.g{content-visibility:visible;break-inside:avoid}.card.inc{break-inside:avoid}
.bar,#tip{display:none!important}main{max-width:none}
::details-content{content-visibility:visible;display:block}}
""")
