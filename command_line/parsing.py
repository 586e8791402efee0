"""Settings from YAML files and the command line: each `--config FILE` on top of the one before, then the flags."""

import contextlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import tyro
from pydantic import BaseModel, ValidationError, create_model

from ramify.command_line.about import About, about
from ramify.command_line.errors import SeveralErrors
from ramify.command_line.file_complaints import complaints_of_file
from ramify.command_line.flags import flags_of
from ramify.command_line.kinds import NONE
from ramify.command_line.refusals import Refusals
from ramify.command_line.short_help import OF_EVERY_COMMAND, short_help, where_more_is
from ramify.command_line.yaml_settings import laid_over, read_yaml, with_single_words
from ramify.console.progress import QUIET_VARIABLE
from ramify.version import version_line

SettingsT = TypeVar("SettingsT", bound=BaseModel)

CONFIG_FLAG, QUIET_FLAG, VERSION_FLAG = "--config", "--quiet", "--version"
SHORT_HELP, WHOLE_HELP = ("-h", "--help"), "--help-all"
ANSWERED = (*SHORT_HELP, WHOLE_HELP, VERSION_FLAG)
"""Flags that are answered, whatever else is missing."""


def parse(settings_class: type[SettingsT], docstring: str | None, argv: Sequence[str] | None = None) -> SettingsT:
    """Settings of a script from its arguments; --help, --help-all and --version are answered, and end it.

    Args:
        settings_class: frozen pydantic model of the script's settings.
        docstring: of the script: what --help says of it.
        argv: the arguments; those of the process by default.

    Raises:
        ValueError: unknown key (with the near miss), wrong type, or value out of range; one line each, all of them.
        FileNotFoundError: no such config file.
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if VERSION_FLAG in words:
        print(version_line())
        sys.exit(0)
    config_paths, words = files_and_flags(words)
    if QUIET_FLAG in words:
        # Wherever the work is done, in this process or in another that it starts.
        os.environ[QUIET_VARIABLE] = "1"
        words = [word for word in words if word != QUIET_FLAG]
    given = _settings_of_files(settings_class, config_paths) if config_paths else None
    said = about(docstring)
    if any(word in SHORT_HELP for word in words):
        print(short_help(settings_class, said, given))
        sys.exit(0)
    words = _with_nones(settings_class, words)
    default: Any = tyro.MISSING_NONPROP if given is None else given
    if WHOLE_HELP in words:
        _show_whole_help(settings_class, said, default)
    captured = io.StringIO()
    try:
        # tyro draws its errors as boxes over many lines: they are caught here and told in lines of ours.
        with contextlib.redirect_stderr(captured):
            settings: SettingsT = tyro.cli(settings_class, args=words, default=default)
            return settings
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        raise SeveralErrors(Refusals(settings_class, given, words).lines(captured.getvalue())) from None


def _with_nones(settings_class: type[BaseModel], words: Sequence[str]) -> list[str]:
    """The words with `None`, as tyro has it, where a flag of numbers is given the word none."""
    flags = {flag.name for flag in flags_of(settings_class) if flag.kind.or_none}
    found: list[str] = []
    for before, word in zip(["", *words], words):
        name, equals, value = word.partition("=")
        if word.lower() == NONE and before.replace("_", "-") in flags:
            found.append("None")
        elif value.lower() == NONE and name.replace("_", "-") in flags:
            found.append(f"{name}{equals}None")
        else:
            found.append(word)
    return found


def _show_whole_help(settings_class: type[BaseModel], said: About, default: Any) -> None:
    """Every setting, as tyro sets them out."""
    of_every_command = "\n".join(f"{flag}: {says}" for flag, says in OF_EVERY_COMMAND.items())
    try:
        tyro.cli(
            settings_class,
            args=["--help"],
            default=default,
            description=f"{said.title}\n\n{said.text}\n\n{of_every_command}",
        )
    finally:
        print("\n".join(where_more_is(said)))


def files_and_flags(words: list[str]) -> tuple[list[Path], list[str]]:
    """The files of every `--config FILE`, and the other arguments."""
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
            if position < len(words) and not words[position].startswith("-"):
                again = f"{CONFIG_FLAG} {paths[-1]} {CONFIG_FLAG} {words[position]}"
                raise ValueError(f"{CONFIG_FLAG}: expected one file after it; give it once a file, {again}")
            continue
        if word.startswith(f"{CONFIG_FLAG}="):
            paths.append(Path(word.removeprefix(f"{CONFIG_FLAG}=")))
        else:
            rest.append(word)
        position += 1
    return paths, rest


def _settings_of_files(settings_class: type[SettingsT], paths: list[Path]) -> SettingsT:
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
    given = with_single_words(given, settings_class)
    try:
        checked = lenient.model_validate(given)
    except ValidationError as error:
        names = " with ".join(map(str, paths))
        raise SeveralErrors(complaints_of_file(error, settings_class, given, names)) from None
    return settings_class.model_construct(**{name: getattr(checked, name) for name in settings_class.model_fields})
