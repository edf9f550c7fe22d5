"""A line of the list of spam matches its referrer, in whatever way it is written."""

from pathlib import Path

import pytest

from page_tracker.environment import SettingsError, load_settings
from page_tracker.tracking.canonical import canonical_referrer
from page_tracker.tracking.recorder import Rules
from page_tracker.tracking.spam import spam_domains
from page_tracker.tracking.view import View
from page_tracker.tracking.visitor import Sender


@pytest.mark.parametrize(
    ("line", "host"),
    [
        ("spam.example", "spam.example"),
        ("www.buttons.example", "buttons.example"),
        ("WWW.Buttons.Example", "www.buttons.example"),
        ("späm.example", "späm.example"),
        ("xn--spm-rla.example", "SPÄM.example"),
        ("*.star.example", "a.star.example"),
        ("*.star.example", "star.example"),
        (".dot.example", "dot.example"),
        ("https://scheme.example/", "scheme.example"),
        ("https://*.www.scheme.example", "scheme.example"),
        ("//scheme.example", "scheme.example"),
        ("port.example:8080", "port.example:80"),
        ("end.example.", "end.example"),
        ("  blanks.example\t", "blanks.example"),
        ("\ufefffirst.example", "first.example"),
        ("return.example\r", "return.example"),
        ("comment.example # since 2024", "comment.example"),
        ("192.0.2.7", "192.0.2.7"),
    ],
)
def test_should_match_the_referrer_when_a_line_is_written_in_another_way(
    tmp_path: Path, line: str, host: str
) -> None:
    # Given
    path = tmp_path / "spam.txt"
    path.write_text(f"{line}\n\n# more:\nother.example", encoding="utf-8", newline="")
    settings = load_settings({"PAGE_TRACKER_SPAM_REFERRERS": str(path)})
    rules = Rules(spam=spam_domains(settings.spam_referrers))
    referrer = canonical_referrer(f"https://{host}/page?from=1")
    view = View("example.org", "/", referrer=referrer)

    # When
    reason = rules.reason_against(view, Sender())

    # Then
    assert reason == "spam"
    assert len(settings.spam_referrers) == 2


@pytest.mark.parametrize(
    "line",
    ["no host", "com", "*", "a_list_of/spam", "spam.example/path", "a..example", "?"],
)
def test_should_end_the_start_when_a_line_of_the_file_is_no_domain(
    tmp_path: Path, line: str
) -> None:
    # Given
    path = tmp_path / "spam.txt"
    path.write_text(f"\nspam.example\n{line}\n", encoding="utf-8")

    # When
    with pytest.raises(SettingsError) as error:
        load_settings({"PAGE_TRACKER_SPAM_REFERRERS": str(path)})

    # Then
    assert str(error.value) == (
        f"PAGE_TRACKER_SPAM_REFERRERS is '{path}': line 3: {line!r} is not a domain; "
        "write one a line, for example spam.example"
    )
