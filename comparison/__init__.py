"""Which of several methods is better: paired statistics, verdicts, tables and figures."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.comparison.comparison import Comparison, Difference, compare
    from ramify.comparison.comparison_table import format_comparison, pairs_to_csv, to_csv, to_plain
    from ramify.comparison.evidence import Evidence, weigh
    from ramify.comparison.forest_plot import draw_comparison
    from ramify.comparison.power import paired_t_power, pairs_needed
    from ramify.comparison.results import RunResults, Variant, read_results, variants_of
    from ramify.comparison.settings import ComparisonSettings
    from ramify.comparison.statistics import (
        Interval,
        Significance,
        bootstrap_interval,
        cohen_dz,
        holm,
        paired_differences,
        rank_biserial,
        sign_flip_test,
        wilcoxon_test,
    )
    from ramify.comparison.verdict import Adjusted, Verdict, judge
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = [
    "Adjusted",
    "Comparison",
    "ComparisonSettings",
    "Difference",
    "Evidence",
    "Interval",
    "RunResults",
    "Significance",
    "Variant",
    "Verdict",
    "bootstrap_interval",
    "cohen_dz",
    "compare",
    "draw_comparison",
    "format_comparison",
    "holm",
    "judge",
    "paired_differences",
    "paired_t_power",
    "pairs_needed",
    "pairs_to_csv",
    "rank_biserial",
    "read_results",
    "sign_flip_test",
    "to_csv",
    "to_plain",
    "variants_of",
    "weigh",
    "wilcoxon_test",
]
