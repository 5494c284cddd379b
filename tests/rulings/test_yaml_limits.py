"""Whatever a policy file holds, reading it ends soon, with a policy or a refusal that says where and why."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from features.bounded_yaml import document
from features.bounded_yaml.composer import YamlError, YamlLimits
from features.bounded_yaml.document import parse_yaml
from serving.policy.loader import PolicyError, read_yaml
from serving.policy.schema import BUILT_IN, Policy

TEXT = BUILT_IN.read_text()
BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{n + 1}: &a{n + 1} [{', '.join([f'*a{n}'] * 10)}]\n" for n in range(9)
)
TEXTS = "a: &a '" + "x" * 4000 + "'\nb: [" + ", ".join(["*a"] * 5000) + "]\n"

REFUSED = {
    "an alias within its own anchor": ("&a [*a]", r":1:5: the alias \*a stands within its own anchor"),
    "an alias to a mapping around it": ("a: &m {b: {c: *m}}", r":1:\d+: the alias \*m stands within"),
    "a key that is an alias of its mapping": ("&m {*m : 1}", r"the alias \*m stands within"),
    "an alias without an anchor": ("a: *b", r":1:4: the alias \*b has no anchor before it"),
    "aliases of aliases": (BOMB, r"holds more than 20,000 entries"),
    "aliases of a long text": (TEXTS, r"holds more than 4,194,304 characters"),
    "an anchor given twice": ("a: &x 1\nb: &x 2", r":2:4: the anchor &x is given twice"),
    "deep flow nesting": ("[" * 100_000, r"nested deeper than 32 levels"),
    "deep block nesting": ("- " * 100_000, r"nested deeper than 32 levels"),
    "too many entries": ("[" + "1," * 21_000 + "]", r"holds more than 20,000 entries"),
    "too many bytes": ("#" * 1_100_000, r"is longer than 262,144 bytes"),
    "a long text": ("a: " + "x" * 5000, r":1:4: a text is longer than 4,096 characters"),
    "a long number": ("a: " + "9" * 4000, r"a number has more than 64 characters"),
    "a number without end": ("a: 1e999", r":1:4: 1e999 is not a finite number"),
    "not a number": ("a: .nan", r"\.nan is not a finite number"),
    "a leading zero": ("a: 0300", r":1:4: 0300 has a leading zero.*write 300"),
    "a leading zero behind a sign": ("a: -012", r"write -12"),
    "a leading zero before a fraction": ("a: 00.5", r"write 0\.5"),
    "a merge key": ("a: &a {b: 1}\nc:\n  <<: *a", r":3:3: merge keys \(<<\) are not part of YAML 1\.2"),
    "a duplicate key": ("a: 1\nb: 2\na: 3", r":3:1: a is a duplicate \(first in line 1\)"),
    "a duplicate key in other words": ("1: a\n'1': b", r":2:1: 1 is a duplicate"),
    "a number in disguise": ("1: a\n'+1': b", r":2:1: the key '\+1' is a number in disguise; write 1"),
    "a key that is true": ("true: 1", r"a key must be a text or a whole number"),
    "a key that is a list": ("[a]: 1", r"a key must be a text or a whole number"),
    "a Python object": ("a: !!python/object/apply:os.system [ls]", r":1:4: the tag .* is not used here"),
    "a tag": ("a: !!int '3'", r"the tag .* is not used here"),
    "a directive": ("%YAML 1.1\n---\na: 1", r"directives"),
    "a second document": ("a: 1\n---\nb: 2", r":2:1: a second document begins"),
    "a NUL byte": ("a: 1\nb: \0", r":2:4: the character U\+0000 is not allowed"),
    "an escaped NUL byte": ('a: "\\0"', r":1:4: the character U\+0000 is not allowed"),
    "text shown in another order": ("a: 1 # \u202e", r":1:8: the character U\+202E is not allowed"),
    "an open bracket": ("a: [", r":\d+:\d+: not YAML: "),
    "a tab for an indent": ("a:\n\t- b", r":2:1: not YAML: "),
    "no file of YAML": ("%PDF-1.4 \u00e2", r"not YAML|the character"),
    "nothing": ("", r":1:1: the file: Input should be an object"),
    "a text": ("hello", r"the file: Input should be an object"),
}


@pytest.fixture(params=["libyaml", "pure Python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both parsers of PyYAML: not every installation has libyaml."""
    if request.param == "pure Python":
        monkeypatch.setattr(document, "PARSER", yaml.SafeLoader)
    return str(request.param)


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_outside_the_limits_is_refused_by_line_and_column(name: str, parser: str, tmp_path: Path) -> None:
    """Also where the file would be a sound document of YAML 1.1."""
    text, message = REFUSED[name]
    file = tmp_path / "policy.yaml"
    file.write_text(text)
    slow = "|takes longer than" if parser == "pure Python" else ""
    began = time.monotonic()

    with pytest.raises(PolicyError, match=rf"policy\.yaml.*({message}{slow})"):
        Policy.load(file)
    assert time.monotonic() - began < 10


class Entry(BaseModel):
    """One of each type."""

    model_config = ConfigDict(extra="forbid")
    whole: int = 0
    number: float = 0.0
    flag: bool = False
    text: str = ""
    many: tuple[str, ...] = ()


STRICT = {
    "whole: yes": "'yes' is text, so write the number",
    "whole: true": "true is not a number",
    "whole: '300'": "'300' is text",
    "whole: 1e3": "not whole",
    "whole: 3.0": "not whole",
    "whole: 1_000": "'1_000' is text",
    "whole: 1:30": "'1:30' is text",
    "number: yes": "is text",
    "number: on": "is text",
    "number: false": "false is not a number",
    "number: '0.5'": "is text",
    "flag: yes": "write true or false",
    "flag: off": "write true or false",
    "flag: 1": "write true or false",
    "flag: 'true'": "write true or false",
    "text: 12": "12 is a number, so put it in quotes",
    "text: true": "so put it in quotes",
    "many: [1]": "so put it in quotes",
    "many: text": "valid array",
}


@pytest.mark.parametrize("line", STRICT)
def test_a_value_of_another_type_is_refused(line: str) -> None:
    """Never true for 1, never "300" for 300, never 1e3 for a whole number."""
    with pytest.raises(PolicyError, match=rf"entry:2:\d+: {line.partition(':')[0]}.*{STRICT[line]}"):
        read_yaml(f"# a comment\n{line}\n", Entry, "entry")


def test_words_of_yaml_1_1_are_text() -> None:
    """Norway's code and a role called `on` are what they look like; octal and hexadecimal are written out."""
    entry = read_yaml(
        "{text: no, many: [NO, on, y, off, 1_000, 2026-01-01], whole: 0o17, number: 1e3, flag: TRUE}", Entry
    )

    assert entry == Entry(
        text="no", many=("NO", "on", "y", "off", "1_000", "2026-01-01"), whole=15, number=1e3, flag=True
    )


def test_an_alias_stands_for_its_anchor(parser: str) -> None:
    """What is written once may be used twice."""
    assert read_yaml("{text: &a once, many: [*a, *a]}", Entry) == Entry(text="once", many=("once", "once"))


def test_many_errors_are_counted_and_not_all_listed() -> None:
    """A file of nothing but errors is refused in bounded time and a bounded message."""
    text = "".join(f"whole{n}: 1\n" for n in range(20_000))
    began = time.monotonic()

    with pytest.raises(PolicyError, match=r"and 19,980 more errors$"):
        read_yaml(text, Entry)
    assert time.monotonic() - began < 10


def test_what_is_at_a_limit_is_read() -> None:
    """One more of anything is refused."""
    text = "{text: " + "x" * 96 + ", many: [a, [b]]}"
    limits = YamlLimits(file_bytes=len(text), depth=3, nodes=8, characters=108, scalar_characters=96)
    smaller: dict[str, dict[str, int]] = {
        "is longer than": {"file_bytes": len(text) - 1},
        "nested deeper": {"depth": 2},
        "entries": {"nodes": 7},
        "characters": {"characters": 105},
        "a text is longer": {"scalar_characters": 95},
    }

    assert parse_yaml(text, "a text", limits).value == {"text": "x" * 96, "many": ["a", ["b"]]}
    for message, limit in smaller.items():
        with pytest.raises(YamlError, match=message):
            parse_yaml(text, "a text", replace(limits, **limit))


def test_reading_stops_when_the_time_is_up() -> None:
    """The limit holds for the reader's own work, whatever the text."""
    with pytest.raises(PolicyError, match="takes longer than 0 seconds"):
        read_yaml("a: 1", Entry, limits=YamlLimits(seconds=0))


def sparse_file(path: Path, size: int) -> None:
    """A file of zero bytes that takes no room on the disk."""
    path.touch()
    os.truncate(path, size)


UNREADABLE: dict[str, Callable[[Path], object]] = {
    "a directory": lambda path: path.mkdir(),
    "a named pipe": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to itself": lambda path: path.symlink_to(path),
    "a link to nothing": lambda path: path.symlink_to(path.with_name("missing")),
    "a large file": lambda path: sparse_file(path, 1 << 30),
    "a file that says it is empty": lambda path: path.symlink_to("/proc/kallsyms"),
    "nothing": lambda path: None,
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_readable_file_is_refused_at_once(name: str, tmp_path: Path) -> None:
    """Nothing is waited for, and no large file is read."""
    path = tmp_path / "policy.yaml"
    UNREADABLE[name](path)
    began = time.monotonic()

    with pytest.raises(PolicyError, match=r"policy\.yaml cannot be read: ") as refusal:
        read_yaml(path, Entry)
    assert isinstance(refusal.value.__cause__, OSError)
    assert time.monotonic() - began < 2


def test_bytes_that_are_not_utf_8_are_refused_by_line() -> None:
    """The column counts characters."""
    with pytest.raises(PolicyError, match=r"entry:2:8: not UTF-8: byte 0xff"):
        read_yaml("a: 1\ntext: \u00e9".encode() + b"\xff", Entry, "entry")


@given(st.binary(max_size=2000))
@example(b"\xef\xbb\xbfversion: 1")
@settings(max_examples=300, deadline=5000)
def test_any_bytes_are_a_policy_or_a_refusal(data: bytes) -> None:
    """No other exception, and no hang."""
    with pytest.raises(PolicyError):
        read_yaml(data, Policy)


SYNTAX = (
    "&a |*a|[|]|{|}|\n|  |- |: |? |<<: |0300|yes|~|!|>-\n|\0|\"|'|*machine|&machine|version: 1\n|%|---\n|{{{{|1e999"
)
PIECES = st.sampled_from(SYNTAX.split("|"))


@given(st.lists(st.tuples(st.integers(0, len(TEXT)), st.integers(0, 40), PIECES), min_size=1, max_size=4))
@settings(max_examples=400, deadline=5000)
def test_a_damaged_policy_is_a_policy_or_a_refusal(damage: list[tuple[int, int, str]]) -> None:
    """Pieces of the shipped policy are cut out and others are put in."""
    text = TEXT
    for place, length, piece in damage:
        text = text[:place] + piece + text[place + length :]
    try:
        policy = read_yaml(text, Policy)
    except PolicyError as error:
        assert str(error)
    else:
        assert policy.version == 1
