"""The classes of the labels; what a network is asked of them, and which channels of its logits answer which task."""

from typing import TYPE_CHECKING

from ramify.public_names import loaded_when_asked_for

if TYPE_CHECKING:
    from ramify.tasks.class_table import ClassTable
    from ramify.tasks.formulation import Tasks
    from ramify.tasks.members import Members
    from ramify.tasks.settings import TaskSettings
else:
    __getattr__, __dir__ = loaded_when_asked_for(__name__)

__all__ = ["ClassTable", "Members", "TaskSettings", "Tasks"]
