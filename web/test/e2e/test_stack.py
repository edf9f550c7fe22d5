"""The counter page and the health of a running stack."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support.stack import Stack

SENTENCE = "This page has been seen {} times."


def test_should_count_each_view_once_when_views_follow_each_other(stack: Stack) -> None:
    # Given
    before = stack.stored()

    # When
    answers = [stack.ask().text for _ in range(3)]

    # Then
    assert answers == [SENTENCE.format(before + n) for n in (1, 2, 3)]
    assert stack.stored() == before + 3


def test_should_show_the_same_count_when_a_browser_views_the_page(stack: Stack) -> None:
    # Given
    before = stack.stored()

    # When
    answer = stack.ask(accept="text/html")

    # Then
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert SENTENCE.format(before + 1) in answer.text
    assert stack.ask("/static/page.css").ok


def test_should_give_each_view_its_own_number_when_views_arrive_together(
    stack: Stack,
) -> None:
    # Given
    before, views = stack.stored(), 100

    # When
    with ThreadPoolExecutor(16) as threads:
        answers = {
            future.result().text
            for future in [threads.submit(stack.ask) for _ in range(views)]
        }

    # Then
    assert answers == {SENTENCE.format(before + n) for n in range(1, views + 1)}


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST"])
def test_should_not_count_when_the_method_is_not_get(stack: Stack, method: str) -> None:
    # Given
    before = stack.stored()

    # When
    answer = stack.ask(method=method)

    # Then
    assert answer.status_code == (405 if method == "POST" else 200)
    assert stack.stored() == before


def test_should_forbid_caching_when_the_page_is_viewed(stack: Stack) -> None:
    # When
    answer = stack.ask()

    # Then
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", ["/health", "/ready"])
def test_should_be_healthy_when_the_stack_runs(stack: Stack, path: str) -> None:
    # When
    answer = stack.ask(path)

    # Then
    assert answer.status_code == 200
    assert answer.json()["status"] == "ok"


def test_should_show_version_and_commit_when_the_version_is_requested(
    stack: Stack,
) -> None:
    # When
    running = stack.ask("/version").json()

    # Then
    assert running["version"] and running["commit"]


def test_should_name_the_request_when_a_page_does_not_exist(stack: Stack) -> None:
    # When
    answer = stack.ask("/nowhere", accept="application/json")

    # Then
    assert answer.status_code == 404
    assert answer.json()["request_id"] == answer.headers["X-Request-ID"]
