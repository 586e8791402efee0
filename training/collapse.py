"""Whether a contrast teaches nothing, as it has nothing to contrast or is constant, and the line that says so."""

from collections.abc import Mapping

from ramify.tasks.contrast_head import ContrastHead

ONE_DIRECTION = 0.97
"""Mean cosine to the mean direction from which on embeddings are called one direction."""
AT_FLOOR = 0.1
"""Share of the way from the floor to all embeddings alike up to which a loss is called that of constants."""


def idle_of(row: Mapping[str, float]) -> str | None:
    """What to say of an epoch in which no step had anything to contrast, or None.

    Args:
        row: of the history, with the means over the epoch of what `ScaleContrast.looks` returns.
    """
    if row.get("contrast/negatives", 1.0):
        return None
    lacking = "negatives" if row["contrast/positives"] else "positives"
    remedy = {
        "positives": "no class had two anchors; raise loss.anchors.cap or loading.batch_size, or keep a "
        "loss.anchors.bank",
        "negatives": "all anchors were of one class; take cases of several scales, or loss.anchors.near_background "
        "above 0 with model.contrast.head shared",
    }[lacking]
    return f"the contrast had no {lacking} in any step, so that its loss is 0 and it teaches nothing: {remedy}"


def collapse_of(row: Mapping[str, float], head: ContrastHead) -> str | None:
    """What to say of an epoch whose contrast is constant, or None.

    A head a scale is constant where the embeddings of every scale are one direction, and the loss is at the floor of
    constants: which direction, its number decides and not the image. A shared head is constant where those of all
    classes are the same direction, and the loss is nearer to that of all alike than to the floor; that the embeddings
    of a class are alike and those of two are not is what it is there for.

    Args:
        row: of the history, with the means over the epoch of what `ScaleContrast.looks` returns.
        head: which projection heads the network has.
    """
    within = [value for name, value in row.items() if name.startswith("contrast/within/")]
    share = row.get("contrast/above_floor_share")
    if share is None or not within or min(within) < ONE_DIRECTION:
        return None
    seen = f"mean cosine within a scale {min(within):.3f}"
    if head == "per_scale":
        if share > AT_FLOOR:
            return None
        return (
            f"the contrast is solved by constants ({seen}): each scale's head puts out one direction whatever the "
            "image, and teaches the encoder nothing; try model.contrast.head shared, or loss.lambda_contrastive 0"
        )
    between = row.get("contrast/between", 0.0)
    if between < ONE_DIRECTION or share < 0.5:
        return None
    return (
        f"the contrast has collapsed ({seen}, between scales {between:.3f}): its head puts out one direction whatever "
        "the image; try a lower loss.temperature or another model.contrast.features"
    )
