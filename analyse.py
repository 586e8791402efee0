"""Describe the vascular tree of a mask: tables of branches and nodes, label maps, centrelines, graph, territories.

    python analyse.py --input vessels.nii.gz --output analysis
    python analyse.py --input MASKS --organ LIVERS --output analysis --workers 4
    python analyse.py --input 'PATIENTS/*_portal.nii.gz' --input-suffix _portal --output analysis
    python analyse.py --input labels.nii.gz --classes portal=1 hepatic=2 --organ liver.nii.gz --output analysis
    python analyse.py --input vessels.nii.gz --systems portal hepatic --root=12,-30,104 40,-10,150 --output analysis
    python analyse.py --input MASKS --output analysis --report trees.html --groups groups.csv
    python analyse.py --input willis.nii.gz --input-labels any --keep-cycles --output analysis

Writes summary.csv, a row a case, and a folder CASE with branches.csv, nodes.csv, cycles.csv, summary.json, label maps
with colour tables of 3D Slicer (scales, branches, orders, generations, trees or systems), centrelines.vtp, .swc and
.graphml, graph.json (networkx), vessels.stl and .glb; with an organ territories, too. docs/analysis.md explains every
column. --report writes a page to read offline: trees in 3D and as diagrams, in colours to choose, and their numbers;
--groups compares groups of cases.
A case that cannot be analysed is one line on stderr, the others go on, and the exit code is 1 in the end.
"""

import sys
from collections.abc import Sequence

from ramify.analysis.settings import AnalyseCommand
from ramify.command_line import parse, run


def main(argv: Sequence[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    command = parse(AnalyseCommand, __doc__, words)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.analyse import analyse_masks

    return analyse_masks(command, words)


if __name__ == "__main__":
    run(main)
