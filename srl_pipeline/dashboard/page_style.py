"""The style sheet of the status page: light and dark, wide and narrow, nothing loaded."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f5f6f8; --card: #ffffff; --soft: #edf0f4; --line: #dde2e9;
  --text: #18212c; --quiet: #5a6675; --link: #1d5bb8;
  --good: #166b43; --good-soft: #dcf2e5; --bad: #b02f24; --bad-soft: #fbe3e0;
  --mark: #7d5200; --mark-soft: #fcefd0; --value: #3f74c8; --value-soft: #b9cdee;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10151b; --card: #182029; --soft: #222b36; --line: #2d3845;
    --text: #e5eaf1; --quiet: #9ba8b8; --link: #8ab6ff;
    --good: #74d6a4; --good-soft: #163627; --bad: #ff9d92; --bad-soft: #43201e;
    --mark: #f0c568; --mark-soft: #3a2f16; --value: #7aa6ef; --value-soft: #35507c;
  }
}
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body {
  margin: 0 auto; max-width: 78rem; padding: 2rem 1.5rem 4rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0; letter-spacing: -.015em; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .2rem; letter-spacing: -.01em; }
h3 { font-size: 1rem; margin: 0 0 .35rem; }
p { margin: .2rem 0 .8rem; }
a { color: var(--link); text-underline-offset: .15em; }
code { font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .86em; }
small, .quiet { color: var(--quiet); }
small { font-size: .85em; }
td, li, p, dd, summary { overflow-wrap: anywhere; unicode-bidi: isolate; }
.lead { max-width: 46rem; }
.block { display: block; }
:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .2rem; }

header { display: flex; flex-wrap: wrap; gap: .2rem 1.5rem; align-items: baseline; justify-content: space-between; }
nav { margin: .5rem 0 1.4rem; font-size: .92rem; display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; }
nav a { text-decoration: none; }
nav a:hover { text-decoration: underline; }

.tiles { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: .9rem; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; padding: .85rem 1rem .95rem; }
.tile .name { color: var(--quiet); font-size: .85rem; margin: 0; }
.tile .figure { font-size: 1.7rem; font-weight: 620; line-height: 1.25; margin: 0; letter-spacing: -.02em; }
.tile .figure small { font-size: .9rem; font-weight: 400; letter-spacing: 0; }
.tile p:last-child { margin-bottom: 0; }
.tile.bad .figure { color: var(--bad); }
.tile.good .figure { color: var(--good); }

.card { background: var(--card); border: 1px solid var(--line); border-radius: .7rem; overflow: hidden; }
.attention { list-style: none; margin: .6rem 0 0; padding: .3rem 0; }
.attention li {
  padding: .4rem 1rem .4rem .8rem; border-left: 4px solid var(--bad); margin: .3rem 0 .3rem .8rem;
  display: grid; grid-template-columns: 8rem minmax(0, 1fr); gap: .2rem .8rem;
}
.attention li.mark { border-color: var(--mark); }
.attention b { font-weight: 600; }

table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; }
.hidden { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { text-align: left; padding: .65rem .7rem; vertical-align: top; }
th:first-child, td:first-child { padding-left: 1rem; }
th:last-child, td:last-child { padding-right: 1rem; }
thead th { font-weight: 600; font-size: .8rem; color: var(--quiet); padding-block: .5rem; }
tbody th { font-weight: 620; }
tbody th, tbody td { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
table + p, .card + p { margin-top: .6rem; }

.models td:nth-of-type(1) { width: 14%; }
.models td:nth-of-type(2) { width: 19%; }
.models td:nth-of-type(3) { width: 17%; }
.models td:nth-of-type(5) { width: 7rem; }
.pill {
  display: inline-block; padding: 0 .55em; border-radius: 1em; font-size: .8rem; line-height: 1.6; white-space: nowrap;
  background: var(--soft); color: var(--quiet);
}
.pill.good { background: var(--good-soft); color: var(--good); }
.pill.bad { background: var(--bad-soft); color: var(--bad); }
.pill.mark { background: var(--mark-soft); color: var(--mark); }
.better { color: var(--good); }
.worse { color: var(--bad); }

svg { display: block; }
svg.range, svg.share { width: 100%; height: 10px; margin: .3rem 0 .25rem; }
.track { fill: var(--soft); } .span { fill: var(--value-soft); } .value { fill: var(--value); }
.near { fill: var(--mark); } .over { fill: var(--bad); }
svg.spark { width: 100%; max-width: 270px; height: auto; overflow: visible; }
.spark .axis { stroke: var(--line); stroke-width: 1; }
.spark .interval { stroke: var(--value-soft); stroke-width: 3; stroke-linecap: round; }
.spark .line { fill: none; stroke: var(--value); stroke-width: 1.75; stroke-linejoin: round; }
.spark .dot { fill: var(--value); }
.spark .promoted { fill: var(--card); stroke: var(--good); stroke-width: 2.5; }
.spark .unsound { fill: var(--card); stroke: var(--bad); stroke-width: 1.5; }
.trends td { width: 28%; padding-block: .55rem; }
.trends td p { margin: .15rem 0 0; font-size: .9rem; }

.columns {
  display: grid; grid-template-columns: repeat(auto-fill, minmax(21rem, 1fr)); gap: .9rem; margin-top: .6rem;
  align-items: start;
}
.columns .card { padding: .85rem 1rem .9rem; }
.columns ol { margin: 0; padding-left: 1.15rem; }
.columns li { margin: .25rem 0; }
.columns li::marker { color: var(--quiet); }
.columns p { margin: 0; }
.after { margin-top: .8rem; }
.columns li + li, .columns ol + p { margin-top: .4rem; }

.decisions { margin-top: .6rem; }
.decisions details + details { border-top: 1px solid var(--line); }
.decisions summary {
  display: grid; grid-template-columns: 1rem 10rem 7.5rem 6rem 5.6rem minmax(0, 1fr); gap: .6rem; align-items: baseline;
  padding: .55rem 1rem; cursor: pointer; list-style: none; font-variant-numeric: tabular-nums;
}
.decisions summary::-webkit-details-marker { display: none; }
.decisions summary::before { content: "▸"; color: var(--quiet); }
.decisions details[open] > summary::before { content: "▾"; }
.decisions summary:hover { background: var(--soft); }
.decisions summary .pill { justify-self: start; }
.decisions .reason { white-space: nowrap; overflow: hidden; text-overflow: ellipsis; }
.decisions details[open] .reason { white-space: normal; }
.decisions .inner { padding: .1rem 1rem 1rem 2.6rem; }
.decisions .inner h3 { font-size: .8rem; color: var(--quiet); margin: .8rem 0 .2rem; font-weight: 600; }
.decisions ul { margin: 0; padding-left: 1.1rem; }
.inner th, .inner td { padding: .3rem .6rem; } .inner .card { border-radius: .4rem; }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) minmax(0, 1fr); gap: .15rem 1rem; margin: 0; }
dt { color: var(--quiet); } dd { margin: 0; }
.spend td:nth-of-type(1) { width: 36%; vertical-align: middle; }
.software { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; margin: .7rem 0 0; padding: 0; list-style: none; }

@media (max-width: 60rem) {
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .decisions summary { grid-template-columns: 1rem 10rem 1fr 6rem auto; }
  .decisions summary .reason { grid-column: 2 / -1; white-space: normal; }
}
@media (max-width: 46rem) {
  body { padding: 1.2rem .9rem 3rem; }
  .tiles { gap: .6rem; } .tile { padding: .65rem .8rem .7rem; } .tile .figure { font-size: 1.4rem; }
  .attention li { grid-template-columns: minmax(0, 1fr); }
  .columns { grid-template-columns: minmax(0, 1fr); }
  .stack, .stack tbody, .stack tr, .stack th, .stack td { display: block; width: auto !important; }
  .stack thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  .stack tr { padding: .8rem .9rem; }
  .stack tr + tr { border-top: 1px solid var(--line); }
  .stack tbody th, .stack tbody td { border: 0; padding: 0 !important; text-align: left; }
  .stack tbody th { font-size: 1.05rem; margin-bottom: .2rem; }
  .stack tbody td { display: grid; grid-template-columns: 6.6rem minmax(0, 1fr); gap: .6rem; margin: .35rem 0; }
  .stack tbody td::before { content: attr(data-label); color: var(--quiet); font-size: .88rem; }
  .stack tbody td > .pill { justify-self: start; align-self: start; }
  .stack tbody td.empty { display: none; }
  .decisions summary { grid-template-columns: 1rem minmax(0, 1fr) auto; gap: .15rem .5rem; }
  .decisions summary > * { grid-column: 2; }
  .decisions summary .pill { grid-column: 3; grid-row: 1; }
  .decisions summary .kind, .decisions summary .reason { grid-column: 2 / -1; }
  .decisions .inner { padding-left: 1rem; }
  dl { grid-template-columns: minmax(0, 1fr); } dd { margin-bottom: .3rem; }
}
@media print { body { max-width: none; } nav { display: none; } .card { break-inside: avoid; } }
"""
