"""An error as one line, why a case failed, and whether an error is for want of memory."""

import traceback

from ramify.console.passwords import without_passwords


def line_of(error: BaseException) -> str:
    """What an error says, in one line without passwords; one of the system's names its file first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error)
    return without_passwords(" ".join(text.split())) or type(error).__name__


def reason_of(error: Exception) -> str:
    """Why a case among others failed, in one line; of a fault that is no bad input the traceback is printed, too."""
    if isinstance(error, ValueError | OSError):
        return line_of(error)
    if isinstance(error, MemoryError):
        return "out of memory; use fewer --workers"
    # A fault of ours: its traceback is wanted, and the other cases are not lost for it.
    traceback.print_exception(error)
    return f"{type(error).__name__}: {line_of(error)} (traceback above)"


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, the processor's or the GPU's.

    Torch is not imported for it: its class is told by name, so that what needs no torch stays quick. What its allocator
    on the CPU raises has no class of its own.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in said or "not enough memory" in said)
