"""Whether a contrast has become one that does not look at the image, and the line that says so."""

from collections.abc import Mapping

from ramify.tasks.contrast_head import ContrastHead

ONE_DIRECTION = 0.97
"""Mean cosine to the mean direction from which on embeddings are called one direction."""


def collapse_of(row: Mapping[str, float], head: ContrastHead) -> str | None:
    """What to say of an epoch whose contrast is constant, or None.

    A head a scale is constant where the embeddings of every scale are one direction: which, its number decides and not
    the image. A shared head is constant where those of all classes are the same direction; that the embeddings of a
    class are alike and those of two are not is what it is there for.

    Args:
        row: of the history, with the means over the epoch of what `ScaleContrast.looks` returns.
        head: which projection heads the network has.
    """
    within = [value for name, value in row.items() if name.startswith("contrast/within/")]
    if not within or min(within) < ONE_DIRECTION:
        return None
    seen = f"mean cosine within a scale {min(within):.3f}"
    if head == "per_scale":
        return (
            f"the contrast is solved by constants ({seen}): each scale's head puts out one direction whatever the "
            "image, and teaches the encoder nothing; try model.contrast.head shared, or loss.lambda_contrastive 0"
        )
    between = row.get("contrast/between", 0.0)
    if between < ONE_DIRECTION:
        return None
    return (
        f"the contrast has collapsed ({seen}, between scales {between:.3f}): its head puts out one direction whatever "
        "the image; try a lower loss.temperature or another model.contrast.features"
    )
