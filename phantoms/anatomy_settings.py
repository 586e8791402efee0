"""What a user chooses about anatomies: livers with their vessels as labels, of which CTs are painted in training."""

from typing import Annotated

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt

from ramify.settings_errors import PythonSettings


def _rising(bounds: tuple[float, float]) -> tuple[float, float]:
    if bounds[0] > bounds[1]:
        raise ValueError(f"expected the smaller number first, got {bounds}")
    return bounds


Lengths = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(_rising)]
Counts = Annotated[tuple[PositiveInt, PositiveInt], AfterValidator(_rising)]


class AnatomySettings(PythonSettings, frozen=True, extra="forbid"):
    """Livers and vessels; pairs are the least and the most, between which each anatomy draws its own."""

    spacing_mm: float = Field(default=1.0, gt=0, le=5)
    """Voxel size, the same along each axis."""
    depth_mm: Lengths = (140.0, 200.0)
    """Size of the volume from the feet to the head; the liver fills most of it."""
    height_mm: Lengths = (160.0, 210.0)
    """Size from the front to the back."""
    width_mm: Lengths = (180.0, 230.0)
    """Size from the right to the left."""
    portal_radius_mm: Lengths = (5.0, 8.0)
    """Radius of the portal vein where it enters."""
    hepatic_radius_mm: Lengths = (3.0, 5.5)
    """Radius of each of the hepatic veins where it leaves."""
    hepatic_veins: int = Field(default=3, ge=1, le=5)
    """How many hepatic veins there are, each a tree."""
    terminals: Counts = (40, 180)
    """Ends of the portal tree, and of the hepatic veins together."""
    least_radius_mm: Lengths = (0.4, 0.7)
    """Radius of the thinnest vessels."""
    murray_exponent: Lengths = (2.7, 3.1)
    """g in radius^g of a vessel = sum of radius^g of the two it forks into."""
    clearance_mm: Lengths = (0.3, 1.5)
    """Least distance between the walls of two trees."""
    bend_mm: Lengths = (0.8, 3.0)
    """Standard deviation of the shift that makes vessels winding."""
    wave_mm: Lengths = (14.0, 30.0)
    """Correlation length of that shift."""
    lesions: tuple[int, int] = (0, 8)
    """Tumours and cysts."""
    lesion_radius_mm: Lengths = (2.0, 22.0)
    """Their radius."""
    drawn_from_mm: float = Field(default=1.0, gt=0)
    """Vessels thinner than this are in the image, and not among the labels: readers do not draw them."""
    drawn_margin_mm: float = Field(default=0.2, ge=0)
    """By how much a label is wider than its vessel on each side: readers draw around what they see."""
    drawn_as_mm: float = Field(default=1.1, gt=0)
    """No labelled vessel is thinner: readers draw whole voxels, and a thinner one falls to pieces on the grid."""
