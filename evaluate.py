"""Compare predicted vessel masks with the truth: a row a case, mean, sd and median; in CSV, in JSON and on screen.

    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --organ LIVERS --output SCORES --workers 4
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES --measures overlap centreline
    python evaluate.py --prediction LABELS --truth TRUTH --output SCORES --classes portal=1 hepatic=2 --ignore-label 9
    python evaluate.py --prediction LABELS --truth TRUTH --output SCORES --classes-of CASES
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES --report report.html --export FOLDER
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --output SCORES --report report.html --image CTS
    python evaluate.py --prediction PREDICTIONS --truth TRUTH --organ LIVERS --output SCORES --prepared CASES
    python evaluate.py --prediction PREDICTIONS --truth 'LABELS/{case} LABEL.nii.gz' --output SCORES
    python evaluate.py --prediction case.nii.gz --truth truth.nii.gz --output SCORES

Folders hold one mask a case, CASE.nii.gz or CASE_mask.nii.gz (or .nrrd, .mha, .tif, .png), and meet by case name;
CASE_probabilities and CASE_uncertainty files are passed over. In a path, {case} stands for the case's name.
SCORES gets metrics.json and metrics.csv; docs/metrics.md explains each value.
--prepared holds them against what a perfect mask on the grid of these prepared cases scores.
--report writes a page to read offline, --export surfaces and centrelines for other programs, --tensorboard RUN the
means and pictures as events; docs/report.md shows them. --image puts the CTs' slices under the errors of the page.
A case that cannot be evaluated is one line on stderr, the others go on, and the exit code is 1 in the end.
A signal (Ctrl-C, SIGTERM) leaves the scores of the cases that are done in metrics_partial.json and metrics_partial.csv.
"""

import sys
from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.evaluation.settings import EvaluateCommand


def main(argv: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    command = parse(EvaluateCommand, __doc__, words)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.evaluate import evaluate

    return evaluate(command, words)


if __name__ == "__main__":
    run(main)
