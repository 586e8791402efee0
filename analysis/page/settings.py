"""How much of analysed trees a page shows."""

from pydantic import BaseModel, Field


class TreePageSettings(BaseModel, frozen=True, extra="forbid"):
    """How much a page shows; every case is in its table."""

    cases: int = Field(default=40, ge=0)
    """Cases shown one by one, the first; the page grows by 0.1 to 1 MB with each, by how many branches it has."""
    surfaces: int = Field(default=12, ge=0)
    """Of these, cases with a surface to rotate; the page grows by about 0.5 MB with each."""
    triangles: int = Field(default=60_000, ge=100)
    """Most triangles of a surface; larger ones are simplified."""
    branches: int = Field(default=50, ge=0)
    """Branches in a case's table, the thickest; branches.csv has all."""
