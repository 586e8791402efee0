"""From a data set on disk to prepared cases: cropped, resampled, scaled, and taken apart into vessel scales.

    python preprocess.py --dataset ircadb --root 3Dircadb --output cases --config configs/preprocessing/ircadb.yaml
    python preprocess.py --dataset pairs --root DIR --output cases --preprocessing.grid.crop volume --workers 4
    python preprocess.py --config configs/preprocessing/demo.yaml --output cases          phantoms, nothing to download
    python preprocess.py --dataset pairs --root DIR --output cases --auto                  crop and voxel size chosen
    python preprocess.py --dataset pairs --root DIR --check                                only look: what is wrong

The output holds one folder a case (memory-mapped arrays and case.json), splits_final.json, fingerprint.json (spacings,
sizes, grey values and calibres of the vessels, by which --auto chooses: docs/planning.md), a quality figure for each
case in figures/ and the letter-value plot branch_radii.png; with --masks the truth and organ of each case as NIfTI in
masks/, as evaluate.py takes them. A run that was interrupted goes on where it stopped when it is started again; a case
whose files have changed since is made anew, and a line says what changed. A case that cannot be prepared is told in
one line, and the others go on. All cases are read before any is prepared: where some are faulty nothing is, or with
--skip-faulty the others are; --check only looks. More in docs/data.md and docs/method.md.
"""

from collections.abc import Sequence

from ramify.command_line import named_settings, parse, run
from ramify.preprocessing.settings import PreprocessCommand


def main(argv: Sequence[str] | None = None) -> int:
    settings = parse(PreprocessCommand, __doc__, argv)
    settings.check_output()
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.preprocess import preprocess

    return preprocess(settings, named_settings(PreprocessCommand, argv) if settings.auto else ())


if __name__ == "__main__":
    run(main)
