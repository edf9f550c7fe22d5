"""What a deployment says: lines that read well in the log of a CI job."""

WIDTH = 8


def say(text: str) -> None:
    """Print a line, at once."""
    print(text, flush=True)


def quote(title: str, text: str) -> None:
    """Print what something else said, set apart."""
    say(f"{title}:")
    for line in text.splitlines() or ["(nothing)"]:
        say(f"  | {line}")
