"""Which patient a case belongs to, where cases of one patient must count as one."""

from pathlib import Path

from ramify.disk.json_files import read_json


def read_patients(path: Path) -> dict[str, str]:
    """Case id -> patient id, from a JSON file of that form.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not JSON, or of another form.
    """
    patients = read_json(path)
    if not isinstance(patients, dict) or not all(isinstance(patient, str | int) for patient in patients.values()):
        raise ValueError(f'{path}: expected patients by case, such as {{"case_1": "patient_a"}}')
    return {case_id: str(patient) for case_id, patient in patients.items()}
