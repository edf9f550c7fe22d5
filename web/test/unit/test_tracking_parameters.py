"""The parameters that name no page, and those that do."""

import pytest

from page_tracker.tracking.tracking_parameters import (
    CAMPAIGN_NAMES,
    SOURCE_NAMES,
    is_tracking,
    plain_name,
)


@pytest.mark.parametrize(
    "name",
    [
        *("fbclid", "gclid", "gbraid", "gad_campaignid", "ttclid", "rdt_cid", "sccid"),
        *(
            "mc_eid",
            "_kx",
            "__s",
            "_bhlid",
            "ck_subscriber_id",
            "elqtrackid",
            "mkt_tok",
        ),
        *("_x_tr_sl", "_x_tr_hl", "utm_anything", "mtm_cid", "pk_kwd", "matomo_source"),
        *("hsa_cam", "itm_source", "at_custom7", "_gl", "ref", "amp;utm_source"),
        *("nsukey", "isappinstalled", "__cf_chl_jschl_tk__", "continueflag"),
        *("amp;amp;fbclid", *SOURCE_NAMES, *CAMPAIGN_NAMES),
    ],
)
def test_should_know_a_parameter_when_it_tells_where_a_visitor_came_from(
    name: str,
) -> None:
    # When
    known = is_tracking(name)

    # Then
    assert known


@pytest.mark.parametrize(
    "name",
    [
        *("q", "s", "p", "id", "page", "lang", "tab", "source", "next", "session_id"),
        *("cat", "sort", "campaign", "from", "mbid", "pid", "r", "t", "v", "utm", "pk"),
        *("amp;page", "amp", "product_ref", "", "context", "email", "redirect_to"),
    ],
)
def test_should_keep_a_parameter_when_a_site_may_use_it_itself(name: str) -> None:
    # When
    known = is_tracking(name)

    # Then
    assert not known


def test_should_return_the_plain_name_when_its_ampersand_was_escaped() -> None:
    # When
    name = plain_name("amp;amp;utm_source")

    # Then
    assert name == "utm_source"
