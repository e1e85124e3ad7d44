// How the page looks, and the little that it does: lead from a row to its card.
#pragma once

namespace pgstrata::explain {

inline constexpr const char* kStyle = R"css(
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --text: #1c2530; --quiet: #5d6b7a; --line: #dfe4ea;
  --ran: #2f6fde; --cut-off: #0f9a8e; --rebased: #3f9b3f; --hit: #93a3b3; --failed: #d0342c; --cancelled: #d98213;
  --was: #fbeaea; --is: #e7f5e9;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12171d; --card: #1b222b; --text: #e3e9ef; --quiet: #93a1af; --line: #303a45;
    --ran: #6ba1ff; --cut-off: #3fc9bb; --rebased: #6cc76c; --hit: #6d7c8b; --failed: #ff7b72; --cancelled: #eaa54a;
    --was: #3a2224; --is: #1d3324;
  }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 76rem; padding: 1.5rem; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, sans-serif; }
code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", Menlo, monospace; overflow-wrap: anywhere; }
h1 { margin: 0 0 .7rem; font-size: 1.9rem; }
header.failed h1, header.cancelled h1, .error { color: var(--failed); }
.error { white-space: pre-wrap; font-weight: 600; }
h2 { margin: 0; font-size: 1.2rem; }
h3 { margin: .8rem 0 .2rem; font-size: .8rem; color: var(--quiet); text-transform: uppercase; letter-spacing: .06em; }
.note, .quiet { margin: .1rem 0 .7rem; color: var(--quiet); font-size: .9rem; }
section { margin-top: 1.3rem; padding: 1.1rem 1.3rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px; }
.tiles { display: flex; flex-wrap: wrap; gap: .7rem; margin: 0 0 1rem; padding: 0; list-style: none; }
.tile { padding: .5rem 1rem; background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--line);
  border-radius: 8px; color: var(--quiet); }
.tile b { display: block; color: var(--text); font-size: 1.5rem; line-height: 1.2; font-weight: 650; }
.tile.ran { border-top-color: var(--ran); } .tile.cut-off { border-top-color: var(--cut-off); }
.tile.rebased { border-top-color: var(--rebased); } .tile.hit { border-top-color: var(--hit); }
.tile.failed { border-top-color: var(--failed); } .tile.cancelled { border-top-color: var(--cancelled); }
.facts { display: flex; flex-wrap: wrap; gap: .2rem 1.6rem; margin: 0; font-size: .9rem; }
.facts div { display: flex; gap: .4rem; }
.facts dt { color: var(--quiet); } .facts dd { margin: 0; overflow-wrap: anywhere; }
.row { display: grid; grid-template-columns: minmax(10rem, 24rem) 1fr 5.5rem; gap: .8rem; align-items: center;
  padding: .12rem .3rem; border-radius: 5px; color: inherit; text-decoration: none; }
a.row:hover, a.row:focus { background: var(--page); }
.label { overflow: hidden; white-space: nowrap; text-overflow: ellipsis; }
.label i, summary > i { display: inline-block; min-width: 1.6rem; color: var(--quiet); font-style: normal;
  text-align: right; font-size: .85rem; }
.track { position: relative; height: 1.1rem; background: linear-gradient(var(--line), var(--line)) 0 50% / 100% 1px no-repeat; }
.number { color: var(--quiet); font-size: .85rem; text-align: right; font-variant-numeric: tabular-nums; }
.bar { position: absolute; top: 0; height: 100%; min-width: 3px; border-radius: 3px; opacity: .45;
  background: var(--hit); }
.bar.critical { opacity: 1; }
.dot { position: absolute; top: 50%; width: .55rem; height: .55rem; margin: -.275rem 0 0 -.1rem; border-radius: 50%;
  background: var(--hit); }
.bar.ran, .dot.ran, .chip.ran { background: var(--ran); }
.bar.cut-off, .dot.cut-off, .chip.cut-off { background: var(--cut-off); }
.bar.rebased, .dot.rebased, .chip.rebased { background: var(--rebased); }
.bar.failed, .dot.failed, .chip.failed { background: var(--failed); }
.bar.cancelled, .dot.cancelled, .chip.cancelled { background: var(--cancelled); }
.axis .track { height: 1.3rem; background: none; }
.tick { position: absolute; padding-left: .25rem; border-left: 1px solid var(--line); color: var(--quiet);
  font-size: .75rem; white-space: nowrap; }
.card { border-top: 1px solid var(--line); padding: .45rem 0; }
.card > :not(summary) { margin-left: 2.2rem; }
.card:target { background: color-mix(in srgb, var(--ran) 7%, transparent); }
.card p { margin: .35rem 0 .35rem 2.2rem; }
summary { cursor: pointer; }
.chip { display: inline-block; min-width: 5.4rem; padding: 0 .5rem; border-radius: 99px; background: var(--hit);
  color: var(--card); font-size: .8rem; text-align: center; }
.chip.config, .chip.not-reached { background: none; color: var(--quiet); border: 1px solid var(--line); }
.falsified { margin: .5rem 0 .5rem 2.2rem; border: 1px solid var(--line); border-radius: 6px; overflow: hidden; }
.falsified p { margin: 0; padding: .25rem .7rem; overflow-wrap: anywhere; }
.falsified .was { background: var(--was); } .falsified .is { background: var(--is); }
.falsified .was::before { content: "was "; color: var(--quiet); }
.falsified .is::before { content: "is "; color: var(--quiet); }
.reads { margin-top: .25rem; font-size: .92rem; }
.reads ul { max-height: 22rem; margin: .3rem 0 .5rem; overflow: auto; }
.reads small { color: var(--quiet); }
a { color: var(--ran); }
@media (max-width: 45rem) { .row { grid-template-columns: 9rem 1fr 4.5rem; } body { padding: .8rem; } }
)css";

inline constexpr const char* kScript = R"js(
function open_named() {
  const card = document.getElementById(location.hash.slice(1));
  if (card && card.tagName === "DETAILS") { card.open = true; card.scrollIntoView({ block: "start" }); }
}
addEventListener("hashchange", open_named);
open_named();
)js";

}  // namespace pgstrata::explain
