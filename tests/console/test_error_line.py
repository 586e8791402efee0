import pytest

from ramify.console.error_line import line_of, out_of_memory, reason_of


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ValueError("one\n  line"), "one line"),
        (KeyError(), "KeyError"),
        (FileNotFoundError(2, "No such file or directory", "a.nii"), "a.nii: No such file or directory"),
        (OSError("no file of the system's"), "no file of the system's"),
        (ValueError("postgresql://me:secret@host/db: not reached"), "postgresql://me:***@host/db: not reached"),
    ],
)
def test_an_error_is_one_line(error, line):
    assert line_of(error) == line


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (MemoryError("Unable to allocate 2.00 TiB"), True),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."),
            True,
        ),
        (RuntimeError("DefaultCPUAllocator: not enough memory"), True),
        (type("OutOfMemoryError", (RuntimeError,), {})("CUDA out of memory. Tried to allocate 9 GiB"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (TypeError("can't allocate memory"), False),
    ],
)
def test_want_of_memory_is_told_from_faults(error, expected):
    assert out_of_memory(error) is expected


def test_why_a_case_failed_is_one_line_and_a_fault_has_its_traceback(capsys):
    assert reason_of(ValueError("two\nlines")) == "two lines"
    assert reason_of(MemoryError()) == "out of memory; use fewer --workers"
    assert capsys.readouterr().err == ""
    with pytest.raises(IndexError) as fault:
        [][1]
    assert reason_of(fault.value) == "IndexError: list index out of range (traceback above)"
    assert "Traceback" in capsys.readouterr().err
