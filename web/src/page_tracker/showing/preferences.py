"""The visitor's choice of language and theme, kept in cookies of their own."""

from flask import Response, request

from page_tracker.showing.cookies import YEAR, set_cookie
from page_tracker.showing.going import local_address, see_other
from page_tracker.showing.language import LANGUAGES, THEMES


def choose_preferences() -> Response:
    """Keep the fields `language` and `theme`, and go to the local page `back`.

    Other values of a field are ignored: they change nothing.
    """
    answer = see_other(local_address(request.form.get("back", "")))
    for name, choices in (("language", LANGUAGES), ("theme", THEMES)):
        if (value := request.form.get(name, "")) in choices:
            set_cookie(answer, name, value, YEAR)
    return answer
