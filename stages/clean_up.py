"""The rules of a clean-up, learned on the held-out cases of each fold, written and told."""

from ramify.cleaning.choice import Choice
from ramify.cleaning.learning import folds_to_learn_from, learn
from ramify.cleaning.settings import CleanUpSettings
from ramify.console.progress import followed
from ramify.console.signals import saying_what_is_kept
from ramify.data.clean_up_note import CLEAN_UP
from ramify.disk.json_files import write_json
from ramify.disk.outputs import Outputs


def clean_up(settings: CleanUpSettings) -> None:
    """Learn what helps, write it and tell of it."""
    folds = folds_to_learn_from(settings.run, settings.weights, settings.cases)
    path = settings.run / CLEAN_UP
    kept = f"{path} is {'as it was' if path.exists() else 'not written'}; the same command begins anew"
    with saying_what_is_kept(lambda: kept), Outputs(replace=settings.replace) as outputs:
        outputs.claim_file(path, "clean-up")
        learned, choices = learn(
            folds,
            settings.weights,
            settings.device,
            settings.inference,
            settings.mirror,
            lambda cases: followed(cases, "clean-up", "case"),
        )
        write_json(path, learned.model_dump(mode="json"))
    for name, choice in choices.items():
        print("\n".join(told_of(name, choice)))
    print(
        f"{learned.in_words() or 'nothing helps on patients left out: predictions stay as they are'}; written: {path}"
    )


def told_of(name: str, choice: Choice) -> list[str]:
    """What was found for one mask, a line a part, and its scores before and after."""
    lines = [f"{name}: gain of (Dice + clDice) / 2 on patients left out in turn"]
    for part in choice.parts:
        value = "none" if part.value is None else f"{part.value:g}"
        lines.append(f"  {part.name:<13} {value:>6}  {part.gain:+.4f}  p {part.p:.3f}  {'kept' if part.kept else '-'}")
    for measure, before in choice.before.items():
        lines.append(f"  {measure}: {before:.4f} as predicted, {choice.after[measure]:.4f} cleaned up")
    return lines
