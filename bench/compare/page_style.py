"""The style sheet of the HTML report: type, tables, and the colours of palette.py."""

import palette


def _variables(position):
    return "".join(f"--{name}:{pair[position]};" for name, pair in {**palette.GROUND, **palette.SERVERS}.items())


_SERIES = "".join(f".s-{name}{{background:var(--{name})}}" for name in palette.SERVERS)
_LIGHT = "--paper:#fff;--tint:#f5f6f7;--good:#2b8a3e;--bad:#c92a2a;" + _variables(0)
_DARK = "--paper:#15171a;--tint:#1d2024;--good:#69db7c;--bad:#ff8787;" + _variables(1)

STYLE = f"""
:root{{{_LIGHT}}}
@media (prefers-color-scheme:dark){{:root{{{_DARK}}}}}
*{{box-sizing:border-box}}
body{{margin:0;background:var(--paper);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',sans-serif}}
main{{max-width:1060px;margin:0 auto;padding:2.5rem 1.25rem 4rem}}
h1{{font-size:1.9rem;line-height:1.2;margin:0}} h2{{font-size:1.3rem;margin:3rem 0 .75rem}} h3{{font-size:1rem;margin:1.75rem 0 .4rem}}
.sub,.note{{color:var(--soft);margin:.4rem 0 .8rem}} .note{{font-size:.9rem}}
.warning{{border-left:3px solid var(--bad);background:var(--tint);padding:.35rem .8rem;margin:.4rem 0}}
nav{{display:flex;flex-wrap:wrap;gap:.3rem 1.1rem;border-bottom:1px solid var(--faint);padding:.8rem 0}}
a{{color:inherit;text-decoration-color:var(--soft);text-underline-offset:.2em}}
.wide{{overflow-x:auto}}
table{{border-collapse:collapse;width:100%;font-size:.86rem;font-variant-numeric:tabular-nums}}
th{{text-align:right;font-weight:600;color:var(--soft);vertical-align:bottom;border-bottom:1px solid var(--soft);padding:.35rem .6rem}}
td{{text-align:right;white-space:nowrap;border-bottom:1px solid var(--faint);padding:.32rem .6rem}}
th.words,td.words{{text-align:left;white-space:normal}} td.words:first-child{{min-width:13rem}} td.words:last-child{{min-width:7.5rem}}
#lines th{{font-size:.72rem}} #lines td.words:first-child{{min-width:9rem}}
#lines td,#lines th{{padding-left:.35rem;padding-right:.35rem}}
tr.lead td{{font-weight:650;background:var(--tint)}}
.chip{{border:1px solid currentColor;border-radius:1em;padding:.02rem .6rem;font-size:.82rem;white-space:nowrap}}
.chips .chip{{font-size:.95rem;margin-right:.5rem;padding:.15rem .8rem}}
.met{{color:var(--good)}} .missed{{color:var(--bad)}} .not-measured{{color:var(--soft)}}
.legend{{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.88rem;margin:.2rem 0}}
.legend i{{display:inline-block;width:.75em;height:.75em;border-radius:50%;margin-right:.45em}}
figure{{margin:.75rem 0 1.75rem}} figcaption{{font-weight:600;margin-bottom:.4rem}}
svg{{display:block;width:100%;height:auto}} svg text{{font-family:system-ui,sans-serif!important}}
{_SERIES}
@media print{{nav{{display:none}} main{{max-width:none;padding:0}}}}
"""
