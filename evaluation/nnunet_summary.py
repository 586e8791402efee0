"""Which cases nnU-Net has validated in a folder: one fold's predictions, where the truths of all folds lie together."""

from pathlib import Path

from ramify.data.file_names import case_name
from ramify.disk.json_files import read_json

SUMMARY = "summary.json"


def cases_validated_by_nnunet(folder: Path) -> set[str]:
    """Names of the cases that nnU-Net's summary.json lists; none where the folder has no such file of nnU-Net's."""
    summary = folder / SUMMARY
    if not summary.is_file():
        return set()
    content = read_json(summary)
    listed = content.get("metric_per_case") if isinstance(content, dict) else None
    files = [each.get("prediction_file") for each in listed or () if isinstance(each, dict)]
    return {case_name(Path(file)) for file in files if isinstance(file, str)}
