"""The last names of unknown sites are kept, with the views that they had."""

import pytest
from redis import Redis

from page_tracker.tracking.keys import UNKNOWN_NAMES
from page_tracker.tracking.recorder import Submission
from page_tracker.tracking.sites import UnknownSite
from page_tracker.tracking.unknown_sites import MOST_NAMES, unknown_names
from page_tracker.tracking.view import InvalidView
from support.recording import ANYBODY, BlockingRecorder, view


def test_should_name_unknown_sites_with_their_views_and_the_newest_first(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    for site in ("exmaple.org", "EXMAPLE.org", "b.example", "exmaple.org:80"):
        with pytest.raises(UnknownSite):
            recorder.count(view(site=site), ANYBODY)

    # Then
    assert unknown_names(redis_client) == [("exmaple.org", 3), ("b.example", 1)]


def test_should_keep_the_last_names_only(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # When
    sites = [f"site-{n}.example" for n in range(3 * MOST_NAMES)]
    for start in range(0, len(sites), 6):
        some = [*sites[start : start + 6], "exmaple.org"]
        recorder.count_all(Submission(view(site=site), ANYBODY) for site in some)

    # Then
    names = dict(unknown_names(redis_client))
    assert len(names) == redis_client.hlen(UNKNOWN_NAMES) == MOST_NAMES
    assert names.pop("exmaple.org") == 10
    assert list(names) == sites[:-MOST_NAMES:-1]


def test_should_keep_a_name_with_many_views_when_others_are_invented(
    recorder: BlockingRecorder, redis_client: Redis
) -> None:
    # Given
    mistake = Submission(view(site="exmaple.org"), ANYBODY)
    recorder.count_all(5 * [mistake])

    # When
    for n in range(3 * MOST_NAMES):
        recorder.count_all([Submission(view(site=f"junk-{n}.example"), ANYBODY)])
    recorder.count_all([mistake])

    # Then
    assert unknown_names(redis_client)[0] == ("exmaple.org", 6)


@pytest.mark.parametrize("site", ["", "ex ample", "<b>", "a" * 300, "\x1b[31m"])
def test_should_keep_no_name_that_cannot_be_a_site(
    recorder: BlockingRecorder, redis_client: Redis, site: str
) -> None:
    # When
    with pytest.raises(InvalidView):
        recorder.count(view(site=site), ANYBODY)

    # Then
    assert not unknown_names(redis_client)
