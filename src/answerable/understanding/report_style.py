"""The look of a model's report: light and dark, phone and desktop, from one style sheet."""

STYLE = """
:root{color-scheme:light dark;--page:#f6f7f9;--card:#fff;--ink:#17202b;--soft:#4d5a69;
--edge:#d8dee6;--main:#1f5fbf;--form:#b05a00;--person:#8793a1;--band:#c9dcf8;--good:#1a6b3c;--bad:#a3271d;--grid:#e3e8ee}
@media(prefers-color-scheme:dark){:root{--page:#10151c;--card:#18202a;--ink:#e9eef4;--soft:#a9b6c4;
--edge:#2d3947;--main:#7db1ff;--form:#f0a04b;--person:#76859a;--band:#24405f;--good:#7fd6a2;--bad:#ff9d92;--grid:#293442}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.5 system-ui,sans-serif;
overflow-wrap:break-word}
main{max-width:72rem;margin:0 auto;padding:1.25rem 1rem 3rem}
h1{font-size:1.5rem;line-height:1.25;margin:.25rem 0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 .5rem;overflow-wrap:anywhere}
p{margin:.25rem 0 .75rem;max-width:46rem}
.soft,figcaption,dt,caption{color:var(--soft)}
section,figure,.tile{background:var(--card);border:1px solid var(--edge);border-radius:.6rem}
section,figure{padding:1rem;margin:0 0 1rem;min-width:0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.75rem;
margin:1rem 0;padding:0;list-style:none}
.tile{padding:.7rem .9rem}.tile b{display:block;font-size:1.45rem;line-height:1.3}
.tile span{color:var(--soft);font-size:.9rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));
gap:0 1rem;align-items:start}
svg{display:block;width:100%;height:auto;font-size:12.5px}
svg text{fill:var(--soft)}svg .strong{fill:var(--ink);font-weight:600}
svg .count{font-size:11px}
.grid{stroke:var(--grid)}.band{fill:var(--band)}.bar{fill:var(--main)}
.line{fill:none;stroke:var(--main);stroke-width:2}
.level{fill:none;stroke:var(--soft);stroke-width:1.5;stroke-dasharray:5 4}
circle.chosen{fill:var(--ink)}circle.dot{fill:var(--main)}
.whisker{stroke-width:2}.chosen.whisker{stroke:var(--ink)}.dot.whisker{stroke:var(--main)}
.template{fill:var(--main);background:var(--main)}.form{fill:var(--form);background:var(--form)}
.person{fill:var(--person);background:var(--person)}
.key{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;list-style:none;margin:0 0 .6rem;padding:0}
.key i{display:inline-block;width:.8rem;height:.8rem;border-radius:.15rem;margin-right:.4rem}
.topic{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,20rem),1fr));gap:0 1.5rem}
.topic>div{min-width:0}
.topic h3{font-size:1rem;margin:.75rem 0 .3rem}.topic ul{margin:0 0 .5rem;padding-left:1.2rem}
blockquote{margin:0 0 .5rem;padding:.15rem 0 .15rem .8rem;border-left:3px solid var(--edge);
overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}
dd{margin:0;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
caption{text-align:left;padding-bottom:.5rem}
th,td{padding:.4rem .5rem;text-align:right;border-bottom:1px solid var(--edge);
vertical-align:baseline}
th:first-child,td:first-child,th.words,td.words{text-align:left}
.wide td span{overflow-wrap:anywhere}
.wide td:not(.words),.wide td:last-child{white-space:nowrap}
thead th{color:var(--soft);font-weight:600}
tbody th{font-weight:600;overflow-wrap:anywhere}
.good{color:var(--good)}.bad{color:var(--bad)}
details{margin-top:.75rem;overflow-x:auto}details table{font-size:.85rem}
details th,details td{padding:.3rem .25rem}summary{cursor:pointer;color:var(--main)}
:focus-visible{outline:3px solid var(--main);outline-offset:2px}
@media(max-width:46rem){
.wide thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.wide,.wide tbody,.wide tr,.wide caption{display:block}
.wide tr{padding:.6rem 0;border-bottom:1px solid var(--edge)}
.wide th[scope=row]{display:block;padding:0 0 .2rem}
.wide td{display:flex;justify-content:space-between;gap:1rem;padding:.1rem 0;text-align:right}
.wide td::before{content:attr(data-name);color:var(--soft);text-align:left}
.wide th,.wide td{border:0}.wide td:not(.words),.wide td:last-child{white-space:normal}
details table{font-size:.8rem}details th,details td{padding:.25rem .15rem}
dl{grid-template-columns:1fr}dd{margin-bottom:.4rem}}
@media print{body{background:#fff}section,figure,.tile{break-inside:avoid}
.template,.form,.person,.bar{print-color-adjust:exact}}
"""
