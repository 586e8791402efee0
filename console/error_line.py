"""An error as one line, and whether it is for want of memory."""

from ramify.console.passwords import without_passwords


def line_of(error: BaseException) -> str:
    """What an error says, in one line without passwords; one of the system's names its file first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error)
    return without_passwords(" ".join(text.split())) or type(error).__name__


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, the processor's or the GPU's.

    Torch is not imported for it: its class is told by name, so that what needs no torch stays quick. What its allocator
    on the CPU raises has no class of its own.
    """
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    said = str(error).lower()
    return isinstance(error, RuntimeError) and ("can't allocate memory" in said or "not enough memory" in said)
