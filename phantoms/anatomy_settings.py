"""What a user chooses about anatomies: livers with their vessels as labels, of which CTs are painted in training."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ramify.bounds import PositiveBounds, PositiveCounts, rising
from ramify.phantoms.tissues import MOST_LESIONS
from ramify.settings_errors import PythonSettings

FissureCount = Annotated[int, Field(ge=0, le=10)]
LesionCount = Annotated[int, Field(ge=0, le=MOST_LESIONS)]


class AnatomySettings(PythonSettings, frozen=True, extra="forbid"):
    """Livers and vessels; pairs are the least and the most, between which each anatomy draws its own."""

    spacing_mm: float = Field(default=1.0, gt=0, le=5)
    """Voxel size, the same along each axis."""
    depth_mm: PositiveBounds = (140.0, 200.0)
    """Size of the volume from the feet to the head; the liver fills most of it."""
    height_mm: PositiveBounds = (160.0, 210.0)
    """Size from the front to the back."""
    width_mm: PositiveBounds = (180.0, 230.0)
    """Size from the right to the left."""
    portal_radius_mm: PositiveBounds = (5.0, 8.0)
    """Radius of the portal vein where it enters."""
    hepatic_radius_mm: PositiveBounds = (3.0, 5.5)
    """Radius of each of the hepatic veins where it leaves."""
    hepatic_veins: int = Field(default=3, ge=1, le=5)
    """How many hepatic veins there are, each a tree."""
    terminals: PositiveCounts = (40, 180)
    """Ends of the portal tree, and of the hepatic veins together."""
    least_radius_mm: PositiveBounds = (0.4, 0.7)
    """Radius of the thinnest vessels."""
    murray_exponent: PositiveBounds = (2.7, 3.1)
    """g in radius^g of a vessel = sum of radius^g of the two it forks into."""
    clearance_mm: PositiveBounds = (0.3, 1.5)
    """Least distance between the walls of two trees."""
    bend_mm: PositiveBounds = (0.8, 3.0)
    """Standard deviation of the shift that makes vessels winding."""
    wave_mm: PositiveBounds = (14.0, 30.0)
    """Correlation length of that shift."""
    lesions: Annotated[tuple[LesionCount, LesionCount], AfterValidator(rising)] = (0, 8)
    """Tumours and cysts, 15 at the most."""
    lesion_radius_mm: PositiveBounds = (2.0, 22.0)
    """Their radius."""
    fissures: Annotated[tuple[FissureCount, FissureCount], AfterValidator(rising)] = (0, 4)
    """Sheets of fat that reach into the liver, 10 at the most."""
    fissure_mm: PositiveBounds = (1.0, 6.0)
    """Their thickness at the surface."""
    drawn_from_mm: float = Field(default=1.0, gt=0)
    """Vessels thinner than this are in the image, and not among the labels: readers do not draw them."""
    drawn_margin_mm: float = Field(default=0.2, ge=0)
    """By how much a label is wider than its vessel on each side: readers draw around what they see."""
    drawn_as_mm: float = Field(default=1.1, gt=0)
    """No labelled vessel is thinner: readers draw whole voxels, and a thinner one falls to pieces on the grid."""
