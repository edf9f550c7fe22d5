"""The words of the report for values."""

import pytest

from page_tracker.numbers.labels import label_of


@pytest.mark.parametrize(
    ("kind", "value", "label"),
    [
        ("languages", "de", "German"),
        ("languages", "el", "Greek"),
        ("languages", "fil", "Filipino"),
        ("languages", "iw", "Hebrew"),
        ("languages", "xx", "xx"),
        ("languages", "q", "q"),
        ("languages", "(unknown)", "unknown"),
        ("countries", "DE", "Germany"),
        ("countries", "GB", "United Kingdom"),
        ("countries", "XX", "XX"),
        ("sources", "(direct)", "direct"),
        ("sources", "(internal)", "from the site itself"),
        ("sources", "de", "de"),
        ("pages", "(other)", "others, without a name"),
    ],
)
def test_should_name_a_value_in_words(kind: str, value: str, label: str) -> None:
    assert label_of(kind, value) == label
