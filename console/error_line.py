"""An error as one line."""


def line_of(error: BaseException) -> str:
    """What an error says, in one line; one of the system's names its file first."""
    if isinstance(error, OSError) and error.strerror and error.filename is not None:
        text = f"{error.filename}: {error.strerror}"
    else:
        text = str(error)
    return " ".join(text.split()) or type(error).__name__
