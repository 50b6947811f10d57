"""How the page of the report looks: on a bright or dark screen, on a phone, and on paper.

Rules: one column, system fonts, nothing loaded. A state is a word with a colour, never a colour
alone. Only what needs a person is loud.
"""

from typing import Final

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --soft: #f5f6f7; --line: #dfe2e6; --ink: #1c2126; --faint: #5c6670;
  --good: #1a7340; --bad: #b3261e; --warn: #8a5a00; --link: #0b57a4;
  --bad-soft: #fdf1f0;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --soft: #1c2024; --line: #32383f; --ink: #e4e7ea; --faint: #9aa4ae;
    --good: #6cc48c; --bad: #ff8a80; --warn: #e3b341; --link: #7ab7f5;
    --bad-soft: #2a1a1a;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0 auto; max-width: 62rem; padding: 2.5rem 1.5rem 5rem;
  background: var(--paper); color: var(--ink);
  font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "Liberation Sans", sans-serif;
  overflow-wrap: break-word;
}
h1 { font-size: 1.75rem; line-height: 1.2; margin: 0 0 .4rem; letter-spacing: -.01em; }
h2 { font-size: 1.2rem; margin: 3rem 0 .75rem; padding-bottom: .35rem;
     border-bottom: 1px solid var(--line); }
h2 small { font-weight: 400; font-size: .9rem; color: var(--faint); margin-left: .4rem; }
h3 { font-size: 1.05rem; margin: 0; }
p { margin: .4rem 0; }
a { color: var(--link); text-decoration: none; }
a:hover { text-decoration: underline; }
code, pre, .id { font-family: ui-monospace, SFMono-Regular, Menlo, "Liberation Mono", monospace;
                 font-size: .87em; }
code { overflow-wrap: anywhere; }
pre { margin: .5rem 0 0; padding: .75rem .9rem; background: var(--soft);
      border-radius: 6px; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.5; }
.faint, .lead { color: var(--faint); }
.lead { margin-bottom: 1.5rem; }
.good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.bar { display: flex; gap: 2px; height: 8px; margin: 1.25rem 0 .4rem; }
.bar span { border-radius: 2px; min-width: 4px; background: var(--line); }
.bar .good { background: var(--good); } .bar .bad { background: var(--bad); }
.bar .warn { background: var(--warn); }
.figures { display: grid; grid-template-columns: repeat(4, 1fr);
           gap: 1.1rem 1.5rem; margin: 1.5rem 0 0; }
.figures dt { font-size: .78rem; color: var(--faint); }
.figures dd { margin: 0; font-size: 1.1rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.figures dd small { display: block; font-size: .8rem; font-weight: 400; color: var(--faint); }
.loud { background: var(--bad-soft); border-left: 3px solid var(--bad); border-radius: 0 6px 6px 0;
        padding: .9rem 1.1rem; margin: 2rem 0 0; }
.loud h2 { margin: 0 0 .4rem; padding: 0; border: 0; color: var(--bad); }
.quiet h2 { margin-top: 2rem; }
figure { margin: 1rem 0; } figure img { width: 100%; height: auto; border-radius: 6px; }
.list { list-style: none; margin: 0; padding: 0; }
.list li { margin: .55rem 0; }
.list pre { background: none; padding: 0; margin: .15rem 0 0; color: var(--faint); }
.wide { overflow-x: auto; }
article .wide { margin-top: 1rem; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums;
        font-size: .93em; }
th { text-align: left; font-weight: 500; font-size: .84em; color: var(--faint); }
th, td { padding: .32rem 1.4rem .32rem 0; border-bottom: 1px solid var(--line);
         vertical-align: baseline; }
th:last-child, td:last-child { padding-right: 0; }
tr:last-child td { border-bottom: 0; }
.part th { padding-top: 1.1rem; font-size: .93em; font-weight: 600; color: var(--ink); }
tbody .part:first-child th { padding-top: .5rem; }
.number { text-align: right; white-space: nowrap; }
.kept { white-space: nowrap; width: 1%; }
article { margin: 1.5rem 0 0; padding: 1.1rem 1.3rem 1.2rem; border: 1px solid var(--line);
          border-radius: 8px; }
article header { display: flex; gap: .75rem; align-items: baseline;
                 justify-content: space-between; }
article .id { color: var(--faint); font-weight: 500; margin-right: .5rem; }
.state { font-size: .85rem; font-weight: 600; white-space: nowrap; }
summary { cursor: pointer; color: var(--link); width: max-content; }
details { margin-top: .8rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1rem;
         margin: 1.1rem 0 0; font-size: .93em; }
.facts dt { color: var(--faint); }
.facts dd { margin: 0; }
.log { display: block; color: var(--faint); }
footer { margin-top: 4rem; color: var(--faint); font-size: .85rem; }
@media (max-width: 40rem) {
  body { padding: 1.5rem 1rem 3rem; }
  article { padding: .9rem; }
  .figures { grid-template-columns: 1fr 1fr; }
  th, td { padding-right: .8rem; }
  .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: .5rem; }
}
@media print {
  :root { --paper: #fff; --soft: #f5f6f7; --line: #c9ced3; --ink: #000; --faint: #444;
          --good: #14592f; --bad: #8f1d16; --warn: #6b4600; --link: #000; --bad-soft: #fff; }
  body { max-width: none; padding: 0; font-size: 10pt; }
  article { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0 0; }
  h2, h3, article header { break-after: avoid; }
  tr, .facts, .list li { break-inside: avoid; }
  .wide { overflow: visible; }
  .bar { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  details::details-content { content-visibility: visible; display: block; block-size: auto; }
  summary { list-style: none; color: var(--faint); }
}
"""
