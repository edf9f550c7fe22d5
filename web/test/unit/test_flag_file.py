"""Files of feature flags: what they may say, and who gets what."""

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openfeature.evaluation_context import EvaluationContext

from page_tracker.experiments import provider as provider_module
from page_tracker.experiments.flag_file import FlagFile, FlagsError, parse_flags
from page_tracker.experiments.looks import check_flags
from page_tracker.experiments.provider import FileProvider
from support.flags import flags_text

NEON = {"tiles": "tiles", "plain": "neon"}
VISITORS = [f"visitor {number}" for number in range(10_000)]


def look_of(provider: FileProvider, visitor: str) -> object:
    """Return the look that a visitor is shown."""
    return provider.resolve("look", "tiles", EvaluationContext(visitor)).value


class Clock:
    """A clock that a test sets."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock by which the file is read again."""
    clock = Clock()
    monkeypatch.setattr(provider_module, "monotonic", clock)
    return clock


@pytest.fixture
def provider(flags: Path, clock: Clock) -> FileProvider:
    """Give what answers for the flags of the file."""
    assert clock.now
    return FileProvider(flags, check_flags)


def refusal_of(text: str) -> str:
    """Return why a file of flags is refused."""
    with pytest.raises(FlagsError) as refusal:
        check_flags(parse_flags(text.encode()))
    return str(refusal.value)


@pytest.mark.parametrize(
    ("tiles", "plain"), [(50, 50), (90, 10), (1, 2), (99_999, 1), (0, 1), (7, 0)]
)
def test_should_split_visitors_by_weight(tiles: int, plain: int) -> None:
    # Given
    flag = parse_flags(flags_text(tiles, plain).encode()).flags["look"]

    # When
    looks = Counter(flag.variant_of(visitor, "look") for visitor in VISITORS)

    # Then
    expected = len(VISITORS) * plain / (tiles + plain)
    # Four standard deviations of a binomial distribution.
    allowed = 4 * (expected * (1 - expected / len(VISITORS))) ** 0.5
    assert abs(looks["plain"] - expected) <= allowed


def test_should_move_nobody_back_when_the_share_grows() -> None:
    # Given
    small, large = (
        parse_flags(flags_text(100 - share, share).encode()).flags["look"]
        for share in (10, 40)
    )

    # When
    moved_back = [
        visitor
        for visitor in VISITORS
        if small.variant_of(visitor, "look") == "plain"
        and large.variant_of(visitor, "look") != "plain"
    ]

    # Then
    assert not moved_back


def test_should_split_visitors_as_ever() -> None:
    # Given
    flag = parse_flags(flags_text().encode()).flags["look"]

    # When
    looks = [flag.variant_of(visitor, "look") for visitor in VISITORS[:20]]

    # Then
    # A change of these would show visitors another look in the middle of an experiment.
    assert "".join(look[0] for look in looks) == "pttpttpttptpttpptptt"


def write_in_place(path: Path, text: str) -> None:
    """Write over a file."""
    path.write_text(text)


def put_in_place(path: Path, text: str) -> None:
    """Put another file in the place of one, as editors and Docker do."""
    new = path.with_suffix(".new")
    new.write_text(text)
    new.rename(path)


def turn_link(path: Path, text: str) -> None:
    """Turn a link to another folder, as Kubernetes does with a ConfigMap."""
    folder = path.parent / f"data {len(list(path.parent.iterdir()))}"
    folder.mkdir()
    (folder / path.name).write_text(text)
    link = path.parent / "link"
    link.symlink_to(folder / path.name)
    link.rename(path)


def write_within_a_tick(path: Path, text: str) -> None:
    """Write as many bytes as there were, in a file that seems not to have changed."""
    before = path.stat()
    text = text.ljust(before.st_size)
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize(
    "change", [write_in_place, put_in_place, turn_link, write_within_a_tick]
)
def test_should_read_the_file_again_when_it_changes(
    provider: FileProvider, clock: Clock, flags: Path, change: Any
) -> None:
    # Given
    put_in_place(flags, flags_text(100, 0))
    clock.now += 1
    assert look_of(provider, "somebody") == "tiles"
    change(flags, flags_text(0, 1))

    # When
    at_once = look_of(provider, "somebody")
    clock.now += provider_module.SECONDS_BETWEEN_LOOKS
    after_a_second = look_of(provider, "somebody")

    # Then
    assert (at_once, after_a_second) == ("tiles", "plain")


@pytest.mark.parametrize("bad", ["{", flags_text(variants=NEON), None])
def test_should_keep_what_was_right_and_say_so_once_when_the_file_goes_bad(
    provider: FileProvider,
    clock: Clock,
    flags: Path,
    caplog: pytest.LogCaptureFixture,
    bad: str | None,
) -> None:
    # Given
    caplog.set_level("INFO", "page_tracker")
    flags.write_text(flags_text(0, 1))
    clock.now += 1
    assert look_of(provider, "somebody") == "plain"
    caplog.clear()
    if bad is None:
        flags.unlink()
    else:
        flags.write_text(bad)

    # When
    looks = set()
    for _ in range(5):
        clock.now += 1
        looks.add(look_of(provider, "somebody"))

    # Then
    assert looks == {"plain"}
    assert len(caplog.messages) == 1
    assert caplog.messages[0].startswith(f"The flags of {flags} stay as they are: ")

    # When
    flags.write_text(flags_text(1, 0))
    clock.now += 1

    # Then
    assert look_of(provider, "somebody") == "tiles"
    assert caplog.messages[1:] == [f"The flags of {flags} are as it says now"]


def split(share: Any) -> str:
    """Return a file with one share."""
    return flags_text(targeting={"fractional": [share]})


FLAG = '"state": "ENABLED", "variants": {"a": "tiles"}, "defaultVariant": "a"'


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "the file is no JSON: EOF while parsing"),
        ("[]", "is no JSON object"),
        ("{}", "flags: is missing"),
        ('{"flag": {}, "flags": {}}', "flag: is not read here; $schema, metadata, fl"),
        ('{"flags": {"sound": {%s}}}' % FLAG, "flags.sound: there is no such flag"),
        ('{"flags": {"look": {}}}', "flags.look.state: is missing"),
        (flags_text(state="on"), "flags.look.state: use ENABLED or DISABLED"),
        (flags_text(source="x"), "flags.look.source: is not read here; state, vari"),
        (flags_text(defaultVariant="no"), "flags.look: defaultVariant names 'no', w"),
        (flags_text(variants={"tiles": 1, "plain": ""}), "flags.look: its variants"),
        (
            flags_text(variants=NEON),
            "flags.look.variants.plain is 'neon': use tiles or",
        ),
        (flags_text(targeting={"if": []}), "flags.look.targeting.if: is not read her"),
        (split(["no", 1]), "flags.look: fractional names 'no', which is none of its"),
        (split({"var": "email"}), "flags.look.targeting.fractional.0: use pairs, as"),
        (split(["plain"]), "flags.look.targeting.fractional.0.1: is missing"),
        (split(["plain", 1.5]), "flags.look.targeting.fractional.0.1: use a whole num"),
        (split(["plain", -1]), "flags.look.targeting.fractional.0.1: use a whole numb"),
        (flags_text(0, 0), "flags.look: its fractional weights are all 0"),
        (flags_text(metadata={}), "flags.look.metadata.site is missing; name the si"),
        (flags_text(metadata={"site": "a b"}), "flags.look.metadata.site: 'a b' is"),
        (flags_text(salt="short"), 'metadata: a split wants a "salt" of 16 to 64 by'),
        (flags_text(salt="x" * 65), 'metadata: a split wants a "salt" of 16 to 64 b'),
    ],
)
def test_should_say_what_is_wrong_and_what_would_do(text: str, reason: str) -> None:
    # When
    refusal = refusal_of(text)

    # Then
    assert refusal.startswith(reason)
    assert "\n" not in refusal


FIELDS = "flags look state variants defaultVariant targeting fractional metadata tiles"
VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["ENABLED", "tiles"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(FIELDS.split()), inner),
)


@given(st.binary() | VALUES.map(lambda value: json.dumps({"flags": value}).encode()))
def test_should_refuse_anything_else_in_one_line(content: bytes) -> None:
    # When
    try:
        file = parse_flags(content)
    except FlagsError as error:
        # Then
        assert str(error) and "\n" not in str(error)
    else:
        assert isinstance(file, FlagFile)


def test_should_propose_a_salt_that_will_do() -> None:
    # Given
    proposed = refusal_of(flags_text(salt="")).split('"')[-2]

    # When
    file = parse_flags(flags_text(salt=proposed).encode())

    # Then
    assert file.salt == proposed.encode()


def test_should_not_read_a_file_without_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    # When
    provider = FileProvider(Path("/dev/zero"), check_flags)

    # Then
    assert not provider.file().flags
    assert caplog.messages[0].endswith("the file has more than 65,536 bytes")
