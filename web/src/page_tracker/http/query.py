"""Parameters of a request's address, each once and each as it was sent."""

from urllib.parse import parse_qsl

from flask import Request

MOST_PARAMETERS = 100


def parameters_of(request: Request) -> dict[str, str]:
    """Return the parameters by name; of a repeated one the first.

    Raises ValueError, with a reason for people, for too many and for broken UTF-8,
    which Flask would replace without a word.
    """
    try:
        pairs = parse_qsl(
            request.query_string.decode("ascii"),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise ValueError("the parameters are no UTF-8") from None
    except ValueError:
        raise ValueError(f"{MOST_PARAMETERS} parameters are the most") from None
    return dict(reversed(pairs))
