"""Parameters of a request's address, each once and each as it was sent."""

from urllib.parse import parse_qsl

from flask import Request

MOST_PARAMETERS = 100


def parameters_of(request: Request) -> dict[str, str]:
    """Return the parameters by name; of a repeated one the first.

    Raises ValueError, with a reason for people, for too many and for broken UTF-8,
    which Flask would replace without a word.
    """
    return dict(reversed(_pairs(request)))


def single_parameters_of(request: Request) -> dict[str, str]:
    """Return the parameters by name. Raises ValueError for a repeated one too."""
    parameters: dict[str, str] = {}
    for name, value in _pairs(request):
        if name in parameters:
            raise ValueError(f"{ascii(name[:40])} is there twice")
        parameters[name] = value
    return parameters


def _pairs(request: Request) -> list[tuple[str, str]]:
    try:
        return parse_qsl(
            request.query_string.decode(),
            keep_blank_values=True,
            errors="strict",
            max_num_fields=MOST_PARAMETERS,
        )
    except UnicodeDecodeError:
        raise ValueError("the parameters are no UTF-8") from None
    except ValueError:
        raise ValueError(f"{MOST_PARAMETERS} parameters are the most") from None
