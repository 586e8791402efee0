"""Where the cases of a command are worked on: in how many processes here, or on which cluster."""

from typing import Self

from pydantic import BaseModel, Field, model_validator

from ramify.essential import Essential


class CrewSettings(BaseModel, frozen=True, extra="forbid"):
    """Where cases are worked on; what comes out does not depend on it."""

    workers: Essential[int] = Field(1, ge=1)
    """Cases worked on at the same time, each by a process of its own on this machine."""
    cluster: Essential[str | None] = None
    """Work on the machines of a running Dask scheduler instead: its address (tcp://HOST:8786), or its scheduler file
    (docs/cluster.md)."""

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if self.cluster is not None and self.workers > 1:
            raise ValueError(
                f"--workers {self.workers} and --cluster: of a cluster, all workers are used; give one of them"
            )
        return self

    @property
    def in_this_process(self) -> bool:
        """Whether no other process is asked for."""
        return self.cluster is None and self.workers == 1
