"""The answers to views that came as JSON."""

from collections.abc import Iterable, Sequence
from typing import Any

from redis.exceptions import RedisError

from page_tracker.collecting.refusals import explain, outcome_of, when_to_return
from page_tracker.http.outgoing import Answer, json_answer
from page_tracker.tracking.reasons import LIMITS, MEANINGS
from page_tracker.tracking.recorded import Numbers, Recorded

LONGEST_SHOWN = 64
MOST_SHOWN = 10
"""Characters of the name of a field, and names, that an answer repeats."""


def answer_to_one(recorded: Recorded, names: Iterable[str]) -> Answer:
    """Return the answer to a view, with the numbers if everybody may see them.

    `names` are the fields that were left out.
    """
    answer: dict[str, Any] = {"counted": not recorded.reason, **_ignored(names)}
    if recorded.reason:
        answer["reason"] = recorded.reason
        answer["detail"] = MEANINGS[recorded.reason]
    if recorded.is_public:
        if recorded.has_own_number:
            answer["page"] = _numbers("page", recorded.page)
        answer["site"] = _numbers("site", recorded.site)
        if recorded.visitors is not None:
            answer["site"]["visitors"] = recorded.visitors
    return json_answer(answer, outcomes=(outcome_of(recorded),))


def answer_to_many(
    outcomes: Sequence[Recorded | Exception], names: Iterable[str]
) -> Answer:
    """Return the answer to many views: each is counted, filtered or an error."""
    answer: dict[str, list[Any]] = {"counted": [], "filtered": [], "errors": []}
    status, limit = 200, None
    for index, outcome in enumerate(outcomes):
        if isinstance(outcome, Recorded) and not outcome.reason:
            answer["counted"].append(index)
        elif isinstance(outcome, Recorded):
            answer["filtered"].append({"index": index, "reason": outcome.reason})
        else:
            answer["errors"].append({"index": index, "reason": explain(outcome)})
            status = 400
    if any(isinstance(outcome, RedisError) for outcome in outcomes):
        status = 503
    else:
        reasons = [filtered["reason"] for filtered in answer["filtered"]]
        limit = next((reason for reason in reasons if reason in LIMITS), None)
        status = 429 if limit else status
    outcomes_of_views = [outcome_of(outcome) for outcome in outcomes]
    headers = when_to_return(status, limit)
    return json_answer(answer | _ignored(names), status, headers, outcomes_of_views)


def _numbers(of: str, numbers: Numbers) -> dict[str, Any]:
    # `visits` is the old name of `uniques`. The next version drops it.
    name, views, uniques = numbers
    return {of: name, "views": views, "uniques": uniques, "visits": uniques}


def _ignored(names: Iterable[str]) -> dict[str, list[str]]:
    """Return a part of an answer: the fields that were left out, if there are any."""
    shown = sorted({ascii(name)[1:-1][:LONGEST_SHOWN] for name in names})
    return {"ignored": shown[:MOST_SHOWN]} if shown else {}
