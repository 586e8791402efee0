"""What tyro and pydantic say of wrong arguments, as lines of ours: the flag, what was expected, and the near miss."""

import difflib
import re
import typing
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from pydantic import BaseModel

from ramify.command_line.flags import Flag, flags_of
from ramify.command_line.kinds import Kind, kind_of, one_of
from ramify.command_line.mapping_flags import keys_of_mappings, unknown_key_of_mapping

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

_FRAME = re.compile(r"[─│╭╮╰╯┌┐└┘]+|-{5,}")
_COMMAS = re.compile(r"such as \S+,\S")
"""Of a message that itself shows values with commas."""
_PYDANTIC_ERROR = re.compile(
    r"Error parsing (?P<section>\S+): \d+ validation errors? for (?P<model>\S+) (?P<key>\S+) (?P<message>.*?) "
    r"\[type=\S+, input_value=(?P<value>.*?), input_type=\S+\]"
)
_PYTHON_ERROR = re.compile(r"Error parsing (?!--)(?P<section>\S+): (?P<model>[A-Z]\w*): (?P<said>.*)")
"""Of `ramify.settings_errors.PythonSettings`, which say it in a line themselves."""
_SAID_OF_A_KEY = re.compile(r"(?P<key>[\w.]+): (?P<message>.*?)(?: \(got (?P<value>.*)\))?")
_OF_A_FLAG = re.compile(r"(?:Error parsing |for argument ')(?P<flag>--[\w.-]+)")
_UNKNOWN = re.compile(
    r"Unrecognized options?: (?P<words>.*?)"
    r"(?= Perhaps you meant| Arguments similar to| For full helptext| Missing from | Required |$)"
)
_SEPARATED = re.compile(r"[,;x×*()\[\]]")


class Refusals:
    """Wrong arguments of a script.

    Args:
        settings_class: its settings.
        given: settings of files, on which the flags lie; None without any.
        words: the arguments.
    """

    def __init__(self, settings_class: type[BaseModel], given: BaseModel | None, words: Sequence[str]) -> None:
        self.settings_class = settings_class
        self.given = given
        self.words = words
        self.flags = {flag.name: flag for flag in flags_of(settings_class)}
        self.opposites = {flag.opposite: flag for flag in self.flags.values() if flag.kind.is_switch}

    def lines(self, boxed: str) -> list[str]:
        """What is wrong, a line each, from tyro's boxes."""
        text = " ".join(_FRAME.sub(" ", boxed).split())
        whole = re.split(r"Argument helptext:|For full helptext|For further information", text)[0].strip()
        if complaint := self._of_checks(whole):
            return [complaint]
        unknown = [said for found in _UNKNOWN.finditer(text) for said in self._of_unknown(found["words"])]
        if said := [*unknown, *self._of_missing()]:
            return said
        if (found := _OF_A_FLAG.search(whole)) and (said_of := self._of_value(found["flag"])):
            return [said_of]
        return [re.sub(r"^(Value error|Parsing error) ", "", whole) or "the arguments could not be read: see --help"]

    def _of_checks(self, text: str) -> str | None:
        """What a check of the settings complains of, in words of its own."""
        if found := _PYDANTIC_ERROR.search(text):
            # What concerns the script's own settings is in no section: tyro names their class instead.
            section = found["section"] if found["section"] != found["model"] else ""
            if found["key"] == "Value":
                # A validator of the whole section complains, not one of a key.
                return f"{f'--{section}: ' if section else ''}{found['message'].removeprefix('error, ')}"
            message = found["message"].removeprefix("Value error, ")
            flag = f"--{section}{'.' if section else ''}{found['key'].replace('_', '-')}"
            return f"{flag}: {message}{self._got(flag, message, found['value'])}"
        if told := _PYTHON_ERROR.search(text):
            section = told["section"] if told["section"] != told["model"] else ""
            if of_key := _SAID_OF_A_KEY.fullmatch(told["said"]):
                flag = f"--{section}{'.' if section else ''}{of_key['key'].replace('_', '-')}"
                got = self._got(flag, of_key["message"], of_key["value"]) if of_key["value"] else ""
                return f"{flag}: {of_key['message']}{got}"
            return f"{f'--{section}: ' if section else ''}{told['said']}"
        return None

    def _got(self, name: str, message: str, value: str) -> str:
        """What came, as far as a message does not say it; and how it is written where a list was given as one word."""
        words, flag = self._values_of(name), self.flags.get(name)
        has_commas = any("," in word for word in words) and not _COMMAS.search(message)
        if flag is not None and flag.kind.is_list and has_commas:
            return f"; write spaces and no commas, {name} {' '.join(words).replace(',', ' ')}"
        shown = " ".join(words) or value
        return "" if shown in message else f" (got {shown})"

    def _of_value(self, name: str) -> str | None:
        """A value of a wrong kind, or none."""
        kind, values = self._kind_of(name), self._values_of(name)
        if kind is None:
            return None
        if kind.is_list and kind.shown.startswith("NAME"):
            return f"{name}: expected words in pairs, {name} NAME VALUE NAME VALUE (in YAML {{NAME: VALUE}})"
        if not values:
            return f"{name}: expected {kind.expected} after it"
        hint = _near_value(name, kind, values)
        return f"{name}: expected {kind.expected}, got {' '.join(map(repr, values))}{hint}"

    def _of_unknown(self, listed: str) -> Iterator[str]:
        """Flags that there are not, and words that stand behind none."""
        given = {piece for word in self.words for piece in _pieces(word)}
        # Of several at once, tyro's own suggestions stand between them.
        every = [word for word in _pieces(listed) if word in given]
        flags = [word.partition("=")[0].replace("_", "-") for word in every if word.startswith("--")]
        theirs = Counter(piece for flag in flags for value in self._values_of(flag) for piece in _pieces(value))
        for flag in flags:
            yield self._of_unknown_flag(flag)
        for word in every:
            if word.startswith("--"):
                continue
            if theirs[word]:
                theirs[word] -= 1
            else:
                yield self._of_stray_word(word)

    def _of_unknown_flag(self, name: str) -> str:
        if name in FORMER_OPTIONS:
            return f"{name}: it is called {FORMER_OPTIONS[name]} now"
        if said := unknown_key_of_mapping(name, self.settings_class, self.given):
            return said
        if near := self._near_flags(name):
            return f"{name}: no such setting; did you mean {one_of(near)}?"
        section = name.rpartition(".")[0]
        beside = [flag for flag in self.flags if section and flag.rpartition(".")[0] == section]
        said = f"there are {', '.join(beside)}" if beside else "--help-all shows all"
        return f"{name}: no such setting; {said}"

    def _of_stray_word(self, word: str) -> str:
        before = list(self.words[: self.words.index(word)] if word in self.words else [])
        name = next((flag for flag in reversed(before) if flag.startswith("--")), "")
        kind = self._kind_of(name.partition("=")[0].replace("_", "-"))
        if kind is None:
            return f"{word}: stands behind no flag; --help shows which there are"
        takes = "no value; it stands alone" if kind.is_switch else f"{kind.expected}, and no more"
        return f"{word}: {name} takes {takes}"

    def _of_missing(self) -> list[str]:
        """What has no default and was not given, each with what it is."""
        typed = {word.partition("=")[0].replace("_", "-") for word in self.words if word.startswith("--")}
        # A flag that another one was meant for is not missing besides.
        typed |= {near for name in typed - self.flags.keys() for near in self._near_flags(name)[:1]}
        return [
            f"{flag.name} {flag.kind.shown}: missing; {flag.meaning}"
            for flag in self.flags.values()
            if flag.is_required and flag.name not in typed and not self._is_given(flag)
        ]

    def _is_given(self, flag: Flag) -> bool:
        """Whether a file gives it; what one lacks is tyro's own word for it there."""
        return self.given is not None and not type(flag.value_in(self.given)).__module__.startswith("tyro")

    def _kind_of(self, name: str) -> Kind | None:
        flag = self.flags.get(name) or self.opposites.get(name)
        if flag is not None:
            return flag.kind
        mapping = self.flags.get(name.rpartition(".")[0])
        return kind_of(_of_values(mapping.field.annotation)) if mapping else None

    def _values_of(self, name: str) -> list[str]:
        """The words behind a flag; those of the last time it is given."""
        found: list[str] = []
        taking = False
        for word in self.words:
            spelt, equals, value = word.partition("=")
            if word.startswith("--"):
                taking = spelt.replace("_", "-") == name
                found = ([value] if equals else []) if taking else found
            elif taking:
                found.append(word)
        return found

    def _near_flags(self, name: str) -> list[str]:
        """Flags that may have been meant: those of that name in another section first."""
        known = [*self.flags, *keys_of_mappings(self.flags.values(), self.given), *self.opposites]
        last = name.removeprefix("--").rpartition(".")[2]
        elsewhere = [flag for flag in known if flag.removeprefix("--").rpartition(".")[2] == last]
        return elsewhere[:3] or difflib.get_close_matches(name, known, n=1, cutoff=0.8)


def _pieces(words: str) -> list[str]:
    """Words as tyro lists them, which tells no space in a word from one between two."""
    return [piece for piece in re.split(r",? ", words) if piece]


def _near_value(name: str, kind: Kind, values: Sequence[str]) -> str:
    """What may have been meant by a value that is none."""
    if kind.choices:
        lowered = {choice.lower(): choice for choice in kind.choices}
        near = difflib.get_close_matches(values[-1].lower(), lowered, n=1)
        return f"; did you mean {lowered[near[0]]}?" if near else ""
    together = " ".join(values)
    if _SEPARATED.search(together) and kind.shown.startswith(("INT", "NUMBER")):
        numbers = re.findall(r"-?\d+(?:\.\d+)?", together)
        if numbers and (kind.is_list or len(numbers) == len(kind.shown.split())):
            return f"; did you mean {name} {' '.join(numbers)}?"
    return ""


def _of_values(annotation: Any) -> Any:
    """What the values of a mapping are, also of one that may be left out."""
    inner = typing.get_args(annotation)
    if typing.get_origin(annotation) is dict:
        return inner[1]
    return _of_values(inner[0]) if inner else annotation
