"""The style sheet of the step browser: light and dark, wide and narrow, nothing loaded."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --soft: #eef1f5; --line: #d9dee6;
  --text: #1b2430; --quiet: #5a6676; --link: #1f5fbf;
  --good: #17754a; --good-soft: #def3e7; --bad: #b3372b; --bad-soft: #fbe4e1;
  --mark: #8a5a00; --mark-soft: #fdf0d2; --value: #4b7fd1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #11161d; --card: #1a212b; --soft: #232c38; --line: #323d4b;
    --text: #e4e9f0; --quiet: #9aa7b7; --link: #86b4ff;
    --good: #6fd3a0; --good-soft: #173828; --bad: #ff9b8f; --bad-soft: #45211f;
    --mark: #f2c66b; --mark-soft: #3d3117; --value: #6b9ae6;
  }
}
* { box-sizing: border-box; }
html { scroll-behavior: smooth; scroll-padding-top: 1rem; }
@media (prefers-reduced-motion: reduce) { html { scroll-behavior: auto; } }
body {
  margin: 0 auto; max-width: 84rem; padding: 1.5rem 1.25rem 4rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
  display: grid; grid-template-columns: 15rem minmax(0, 1fr); column-gap: 1.75rem; align-items: start;
}
header { grid-column: 1 / -1; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 .3rem; letter-spacing: -.01em; }
h2 { font-size: 1.3rem; margin: 2.4rem 0 .3rem; }
h3 { font-size: 1.1rem; margin: 0; }
h4, nav h2 {
  font-size: .75rem; margin: 0 0 .35rem; color: var(--quiet); text-transform: uppercase; letter-spacing: .06em;
}
main > section:first-of-type > h2 { margin-top: 0; }
p { margin: .3rem 0 .7rem; }
a { color: var(--link); text-underline-offset: .15em; }
.quiet { color: var(--quiet); }
.lead { max-width: 46rem; }
code, pre, .action {
  font-family: ui-monospace, "SF Mono", "DejaVu Sans Mono", Menlo, Consolas, monospace; font-size: .86em;
}
pre, td, dd, li, blockquote, .brief { unicode-bidi: isolate; overflow-wrap: anywhere; }
pre {
  margin: .4rem 0 0; padding: .7rem .8rem; background: var(--soft); border-radius: .4rem; white-space: pre-wrap;
  max-height: 26rem; overflow: auto;
}

nav { position: sticky; top: 1rem; font-size: .92rem; }
nav h2 { margin: 1rem 0 .25rem; }
nav h2:first-child { margin-top: 0; }
nav ol { list-style: none; margin: 0; padding: 0; }
nav li a {
  display: block; padding: .35rem .6rem; border-left: 3px solid var(--line); color: inherit; text-decoration: none;
}
nav li a:hover, nav li a:focus-visible { border-color: var(--link); background: var(--soft); }
nav small { display: block; color: var(--quiet); }

summary { cursor: pointer; }
summary:focus-visible, a:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .2rem; }
.guide, .overview, .prompt { background: var(--card); border: 1px solid var(--line); border-radius: .6rem; }
.guide { padding: .6rem 1rem; margin: .8rem 0 1.6rem; }
.guide summary { font-weight: 600; }
dl.words { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: .35rem 1rem; margin: .8rem 0 .3rem; }
dl.words dt { font-weight: 600; }
dl.words dd { margin: 0; max-width: 52rem; }

table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: .25rem .5rem; vertical-align: top; }
th { font-weight: 600; font-size: .8rem; color: var(--quiet); }
.overview { margin: .6rem 0 1.4rem; overflow: hidden; }
.overview th, .overview td { padding: .4rem .8rem; border-top: 1px solid var(--line); }
.overview thead th { border-top: 0; }
.overview .figure { text-align: right; }
.overview td.figure { white-space: nowrap; }

.prompt { margin: 0 0 1.4rem; overflow: hidden; }
.ask { padding: 1rem 1.1rem .9rem; }
.brief { font-size: 1.02rem; margin: .35rem 0 .6rem; }
.ask details { margin-top: .5rem; }
.ask details > summary { color: var(--link); font-size: .92rem; }
.steps { margin: .2rem 0 .5rem; padding: 0; list-style: none; }
.steps li { margin: .1rem 0; }
.steps b { font-weight: 600; margin-right: .4rem; }
.pairs { display: inline; }
.pairs span { white-space: nowrap; margin-right: .8rem; }
.pairs i { font-style: normal; color: var(--quiet); margin-right: .3rem; }
.expert { border-left: 3px solid var(--good); padding-left: .7rem; margin-top: .7rem; }
.context { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); gap: .3rem 1.4rem; }
.context > :only-child { grid-column: 1 / -1; }

.sides { display: grid; grid-template-columns: repeat(2, minmax(0, 1fr)); border-top: 1px solid var(--line); }
.side {
  display: grid; grid-template-columns: minmax(0, 1fr); grid-template-rows: subgrid; grid-row: span 6;
  align-items: start; padding: .9rem 1.1rem 1rem; min-width: 0;
}
.side + .side { border-left: 1px solid var(--line); }
.group { display: flex; flex-wrap: wrap; gap: .1rem .9rem; align-items: baseline; font-size: .92rem; margin: 0; }
.group b { font-size: 1.15rem; }
.likeliest { border: 1px solid var(--line); border-radius: .5rem; padding: .6rem .75rem .7rem; margin-bottom: .9rem; }
.head {
  display: flex; flex-wrap: wrap; gap: .3rem .6rem; align-items: center; justify-content: space-between;
  margin-bottom: .4rem;
}
.head h4 { margin: 0; }
.pill {
  display: inline-block; padding: 0 .5em; border-radius: 1em; font-size: .8rem; line-height: 1.55; white-space: nowrap;
  background: var(--soft); color: var(--quiet);
}
.pill.good { background: var(--good-soft); color: var(--good); }
.pill.bad { background: var(--bad-soft); color: var(--bad); }
.pill.mark { background: var(--mark-soft); color: var(--mark); }
.chips { display: inline-flex; flex-wrap: wrap; gap: .3rem; margin-left: .5rem; vertical-align: .1em; }

blockquote {
  margin: .2rem 0 .6rem; padding-left: .7rem; border-left: 3px solid var(--line); font-style: italic;
  color: var(--quiet);
}
.action { table-layout: fixed; }
.action th:first-child { width: 26%; }
.action th { font-family: system-ui, sans-serif; }
.action td { white-space: pre-wrap; }
.action td:first-child { color: var(--quiet); }
.action tr.differs td { background: var(--mark-soft); }
.action tr.differs td:nth-child(2) { color: var(--mark); font-weight: 600; }
.action tr.differs td:nth-child(2)::before { content: "≠ "; }
.action .absent { color: var(--quiet); font-style: italic; font-weight: 400; }
.parts { margin-top: .6rem; font-size: .88rem; }
.parts td, .parts th { padding: .08rem .5rem .08rem 0; vertical-align: middle; }
.parts td:first-child { width: 6.2rem; color: var(--quiet); }
.parts td:nth-child(3) { width: 3.4rem; text-align: right; padding-right: 0; }
.parts tr.total td { font-weight: 600; color: inherit; }
svg.bar { display: block; width: 100%; height: 6px; border-radius: 3px; overflow: hidden; }
svg .track { fill: var(--soft); } svg .value { fill: var(--value); } svg .gain { fill: var(--good); }
svg .loss { fill: var(--bad); } svg .middle { fill: var(--quiet); }
.verdict { margin-top: .6rem; font-size: .92rem; }
.verdict ul { margin: .25rem 0 0; padding-left: 1.1rem; }
.verdict li { margin: .15rem 0; }
.verdict li .pill { margin-right: .3rem; }
.problem { color: var(--bad); }
.written { margin-top: .5rem; }
.written > summary { color: var(--link); font-size: .85rem; }
.one-step + .one-step { border-top: 1px dashed var(--line); margin-top: .5rem; padding-top: .5rem; }
.one-step .head { margin-bottom: .15rem; }

.sampled { margin: 0; }
.answer { border-top: 1px solid var(--line); }
.answer:last-child { border-bottom: 1px solid var(--line); }
.answer > summary, .columns {
  display: grid; grid-template-columns: .9rem 3.2rem minmax(1.5rem, 1fr) 3.2rem minmax(1.5rem, 1fr) 7.6rem; gap: .5rem;
}
.answer > summary {
  align-items: center; padding: .35rem 0; list-style: none; font-size: .88rem; font-variant-numeric: tabular-nums;
}
.answer > summary::-webkit-details-marker { display: none; }
.answer > summary::before { content: "▸"; color: var(--quiet); }
.answer[open] > summary::before { content: "▾"; }
.answer > summary:hover { background: var(--soft); }
.answer > summary span { text-align: right; }
.answer > summary .pill { justify-self: end; }
.answer > .inner { padding: .2rem 0 .9rem 1.4rem; }
.columns { font-size: .75rem; color: var(--quiet); padding: .5rem 0 .2rem; }
.columns span:nth-child(2) { grid-column: 2 / 4; } .columns span:nth-child(3) { grid-column: 4 / 6; }
.columns span:last-child { text-align: right; }

@media (max-width: 62rem) {
  body { display: block; padding: 1rem .9rem 3rem; }
  nav { position: static; margin-bottom: 1rem; }
  nav ol { display: flex; flex-wrap: wrap; gap: .35rem; }
  nav li a { border: 1px solid var(--line); border-radius: .4rem; background: var(--card); }
  nav small { display: inline; margin-left: .4rem; }
  .side, .ask { padding-left: .8rem; padding-right: .8rem; }
  .answer > summary, .columns {
    grid-template-columns: .9rem 2.8rem minmax(1rem, 1fr) 2.8rem minmax(1rem, 1fr) 7.2rem; gap: .35rem;
  }
  .answer > .inner { padding-left: .6rem; }
}
@media (max-width: 42rem) {
  .sides, .context { grid-template-columns: minmax(0, 1fr); }
  .side + .side { border-left: 0; border-top: 1px solid var(--line); }
  dl.words { grid-template-columns: minmax(0, 1fr); gap: 0; }
  dl.words dd { margin-bottom: .5rem; }
}
@media print {
  body { display: block; max-width: none; } nav { display: none; } pre { max-height: none; }
  .prompt { break-inside: avoid; }
}
"""
