"""Training cases without a CT of anybody: livers with their vessels, grown from seeds.

    python synthesise.py --config configs/synthesis/liver.yaml --output output/liver_phantom/cases

The output is a folder of prepared cases, as train.py takes it. Each holds tissues beside its image: by appearance.paint
(configs/weights/liver_phantom.yaml), train.py paints the image of every sample anew. A run that was interrupted goes on
where it stopped when it is started again. More in docs/weights.md.
"""

from collections.abc import Sequence

from ramify.command_line import parse, run
from ramify.synthesis.settings import SynthesisCommand


def main(argv: Sequence[str] | None = None) -> int:
    settings = parse(SynthesisCommand, __doc__, argv)
    # What does the work is loaded once the settings are right: it takes seconds.
    from ramify.stages.synthesise import synthesise

    return synthesise(settings)


if __name__ == "__main__":
    run(main)
