"""Settings from YAML files and the command line: each `--config FILE` on top of the one before, then the flags."""

import contextlib
import io
import os
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro
from pydantic import BaseModel, ValidationError, create_model

from ramify.command_line.mapping_flags import unknown_key_of_mapping
from ramify.command_line.yaml_settings import describe_validation_error, laid_over, read_yaml, with_single_words
from ramify.console.progress import QUIET_VARIABLE

SettingsT = TypeVar("SettingsT", bound=BaseModel)

CONFIG_FLAG, QUIET_FLAG = "--config", "--quiet"
_FRAME = re.compile(r"[─│╭╮╰╯┌┐└┘]+|-{5,}")
_PAIRS_ERROR = re.compile(r"Error parsing (--\S+): .*Failed to parse key-value pairs")
_PYDANTIC_ERROR = re.compile(
    r"Error parsing (?P<section>\S+): \d+ validation errors? for (?P<model>\S+) (?P<key>\S+) (?P<message>.*?) "
    r"\[type=\S+, input_value=(?P<value>.*?), input_type=\S+\]"
)
_PYTHON_ERROR = re.compile(r"Error parsing (?!--)(?P<section>\S+): (?P<model>[A-Z]\w*): (?P<said>.*)")
"""Of `ramify.settings_errors.PythonSettings`, which say it in a line themselves."""


def parse(settings_class: type[SettingsT], description: str, argv: Sequence[str] | None = None) -> SettingsT:
    """Settings of a script from its arguments.

    Args:
        settings_class: frozen pydantic model of the script's settings.
        description: what the script does, shown by --help.
        argv: the arguments; those of the process by default.

    Raises:
        ValueError: unknown key (with the near miss), wrong type, or value out of range; one line.
        FileNotFoundError: no such config file.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    config_paths, words = _take_configs(words)
    if QUIET_FLAG in words:
        # Wherever the work is done, in this process or in another that it starts.
        os.environ[QUIET_VARIABLE] = "1"
        words = [word for word in words if word != QUIET_FLAG]
    default = _defaults_from_yaml(settings_class, config_paths) if config_paths else tyro.MISSING_NONPROP
    wants_help = any(word in ("-h", "--help") for word in words)
    captured = io.StringIO()
    try:
        # tyro draws its errors as boxes over many lines: they are caught here and told in one.
        with contextlib.nullcontext() if wants_help else contextlib.redirect_stderr(captured):
            return tyro.cli(
                settings_class,
                args=words,
                default=default,
                description=f"{description}\n\n{CONFIG_FLAG} FILE reads settings from YAML, a second one on top of the "
                f"first; flags override. {QUIET_FLAG} shows no progress.",
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise ValueError(_one_line(captured.getvalue(), settings_class, default)) from None


def _take_configs(words: list[str]) -> tuple[list[Path], list[str]]:
    """Split every `--config FILE` off the arguments."""
    rest: list[str] = []
    paths: list[Path] = []
    position = 0
    while position < len(words):
        word = words[position]
        if word == CONFIG_FLAG:
            if position + 1 == len(words):
                raise ValueError(f"{CONFIG_FLAG}: expected a YAML file after it")
            paths.append(Path(words[position + 1]))
            position += 2
            continue
        if word.startswith(f"{CONFIG_FLAG}="):
            paths.append(Path(word.removeprefix(f"{CONFIG_FLAG}=")))
        else:
            rest.append(word)
        position += 1
    return paths, rest


def _defaults_from_yaml(settings_class: type[SettingsT], paths: list[Path]) -> SettingsT:
    """Settings of YAML files, the last one on top; what they lack and has no default is left for the command line."""
    required: dict[str, Any] = {
        name: (Any, tyro.MISSING) for name, field in settings_class.model_fields.items() if field.is_required()
    }
    given: dict[str, Any] = {}
    for path in paths:
        given = laid_over(given, read_yaml(path))
    # The class itself stands in for what is missing, the file's own values keep their checks.
    lenient = create_model(
        settings_class.__name__,
        __base__=settings_class,
        **{name: value for name, value in required.items() if name not in given},
    )
    try:
        checked = lenient.model_validate(with_single_words(given, settings_class))
    except ValidationError as error:
        names = " with ".join(map(str, paths))
        raise ValueError(f"{names}: {describe_validation_error(error, settings_class)}") from None
    return settings_class.model_construct(**{name: getattr(checked, name) for name in settings_class.model_fields})


FORMER_OPTIONS = {
    "--model.formulation": "--model.tasks.main and --model.tasks.auxiliary",
    "--loss.soft-cldice.include-background": "--loss.soft-cldice.complement",
    "--loss.generalised-dice.include-background": "--loss.generalised-dice.complement",
    "--channel": "--channels",
    "--nnunet.channel": "--channels",
    "--truth-label": "--truth-labels",
    "--prediction-label": "--prediction-labels",
    "--organ-label": "--organ-labels",
}
"""What options were called in earlier versions, and what they are called now."""


def _one_line(boxed: str, settings_class: type[BaseModel], default: Any) -> str:
    """tyro's boxed error as one line: the message and the near misses, without the help text below them."""
    text = " ".join(_FRAME.sub(" ", boxed).split())
    text = re.split(r"Argument helptext:|For full helptext|For further information", text)[0].strip()
    found = _PYDANTIC_ERROR.search(text)
    # What concerns the script's own settings is in no section: tyro names their class instead.
    section = found["section"] if found and found["section"] != found["model"] else ""
    if found and found["key"] == "Value":
        # A validator of the whole section complains, not one of a key.
        return f"{f'--{section}: ' if section else ''}{found['message'].removeprefix('error, ')}"
    if found:
        prefix = f"{section}." if section else ""
        message = found["message"].removeprefix("Value error, ")
        return f"--{prefix}{found['key']}: {message} (got {found['value']})"
    if told := _PYTHON_ERROR.search(text):
        section = told["section"] if told["section"] != told["model"] else ""
        if re.match(r"[\w.]+: ", told["said"]):
            return f"--{section}{'.' if section else ''}{told['said']}"
        return f"{f'--{section}: ' if section else ''}{told['said']}"
    if pairs := _PAIRS_ERROR.search(text):
        return f"{pairs[1]}: expected words in pairs, {pairs[1]} NAME VALUE NAME VALUE (in YAML {{NAME: VALUE}})"
    text = text.replace("Perhaps you meant:", "; did you mean")
    for former, now in FORMER_OPTIONS.items():
        if re.search(rf"Unrecognized options:? .*{re.escape(former)}\b", text):
            return f"{former}: it is called {now} now"
    if unknown := unknown_key_of_mapping(text, settings_class, default):
        return unknown
    text = re.sub(r"^(Unrecognized options|Value error|Parsing error|Invalid choice|Required options) ", "", text)
    return text or "the arguments could not be read: see --help"
