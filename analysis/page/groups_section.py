"""The part of a page about groups of cases: each measure by group, and the difference of two groups."""

from collections.abc import Sequence

from ramify.analysis.branch_table import Row
from ramify.analysis.page.summary_words import WORDS, written
from ramify.report.markup import join, text

_TWO = (
    "Difference: mean of the second group less that of the first, with Welch's 95 % interval. p: permutation test of "
    "the means; adjusted by Holm's method over all rows. Each case counts as one, independent of the others."
)
_MORE = "Differences are tested between two groups alone."


def groups_section(by_group: Sequence[Row], differences: Sequence[Row]) -> str:
    """A row a measure: n, mean ± sd and median of each group; of two their difference.

    Args:
        by_group: what `analysis.groups.group_rows` gives; without any the section is empty.
        differences: what `analysis.groups.difference_rows` gives.
    """
    if not by_group:
        return ""
    groups = list(dict.fromkeys(row["group"] for row in by_group))
    found = {(row.get("class", ""), row["measure"]): row for row in differences}
    cells = {(row.get("class", ""), row["measure"], row["group"]): row for row in by_group}
    heads = "<th>measure</th>" + "".join(
        f"<th>{text(group)}<br>mean ± sd</th><th>median</th><th>n</th>" for group in groups
    )
    if differences:
        heads += "<th>difference</th><th>95 % interval</th><th>p</th><th>p, adjusted</th>"
    body, last = [], ""
    for name, measure in dict.fromkeys((row.get("class", ""), row["measure"]) for row in by_group):
        if name != last:
            width = 1 + 3 * len(groups) + (4 if differences else 0)
            body.append(f'<tr class="group"><th colspan="{width}">{text(name)}</th></tr>')
            last = name
        its = "".join(_of_group(cells[name, measure, group]) for group in groups)
        more = _difference(found.get((name, measure))) if differences else ""
        body.append(f"<tr><th>{text(WORDS[measure].with_unit)}</th>{its}{more}</tr>")
    table = f'<table class="cases"><thead><tr>{heads}</tr></thead><tbody>{join(body)}</tbody></table>'
    return (
        '<section id="groups"><div class="head"><h2>Groups</h2></div>'
        f'<div class="card"><div class="scroll">{table}</div></div>'
        f'<p class="note">{text(_TWO if differences else _MORE)}</p></section>'
    )


def _of_group(row: Row) -> str:
    spread = "" if row["sd"] is None else f" ± {written(row['sd'])}"
    return f"<td>{text(written(row['mean']) + spread)}</td><td>{text(written(row['median']))}</td><td>{row['n']}</td>"


def _difference(row: Row | None) -> str:
    if row is None:
        return "<td>–</td>" * 4
    interval = "–" if row["low"] is None else f"{written(row['low'])} to {written(row['high'])}"
    chances = ("–" if row[name] is None else f"{row[name]:.3g}" for name in ("p", "p_holm"))
    shown = (written(row["difference"]), interval, *chances)
    return "".join(f"<td>{text(one)}</td>" for one in shown)
