"""The cases of a page that failed, with the reason."""

from collections.abc import Mapping

from ramify.report.markup import join, text


def failed_cases(failed: Mapping[str, str], one: str, several: str) -> str:
    """A warning and a row a case; empty without any.

    one, several: what is said of them, such as "case failed", "cases failed".
    """
    if not failed:
        return ""
    rows = join(
        f'<tr><td class="name">{text(case_id)}</td><td class="wrap">{text(reason)}</td></tr>'
        for case_id, reason in failed.items()
    )
    words = f"{len(failed)} {one if len(failed) == 1 else several}"
    table = f'<div class="scroll"><table><tbody>{rows}</tbody></table></div>'
    return f'<p class="note warn">{text(words)}:</p><div class="card below">{table}</div>'
