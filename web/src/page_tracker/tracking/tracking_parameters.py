"""The parameters of a URL that tell where a visitor came from, and name no page.

Most names come from the list of tidy-url, which `make lists` writes into the package.
Here are those that the list lacks, and the beginnings that no site uses for itself.
"""

import re
from collections.abc import Iterable, Mapping
from importlib.resources import files
from urllib.parse import unquote_to_bytes

SOURCE_NAMES = ("utm_source", "mtm_source", "pk_source", "piwik_source", "ref")
"""Parameters that name the source of a view, in the order in which they count."""

CAMPAIGN_NAMES = (
    "utm_campaign",
    "mtm_campaign",
    "pk_campaign",
    "piwik_campaign",
    "pk_cpn",
    "piwik_cpn",
)
"""Parameters that name the campaign of a view, in the order in which they count."""

BEGINNINGS = tuple(
    "__cf_chl_ __utm _branch_ _sgm_ _x_tr_ adobe_mc ajs_ at_custom at_link "
    "at_recipient_ at_send_ bsft_ cm_mmc elq gad_ guce_referrer hsa_ iterable itm_ "
    "matomo_ ml_subscriber "
    "mtm_ oft_ oly_ omnisend piwik_ pk_ sfmc_ trk_ utm_ vero_ wt.mc_".split()
)
"""Beginnings of names, for example of all that Google Translate adds: `_x_tr_sl`."""

MORE = frozenset(
    # Advertisements and affiliates
    "_openstat admitad_uid awc cjdata cjevent clckid cx_click dclid dicbo ef_id "
    "epik erid external_click_id fbadid gbraid gdffi gdfms gdftrk irclickid irgwc "
    "ko_click_id li_fat_id mkwid msclkid ndclid obclid oprtrack pcrid qclid raneaid "
    "ranmid ransiteid rb_clickid s_kwcid sccid srsltid sscid tblci tduid ttclid "
    "twclid unicorn_click_id vkclid wbraid yclid ymclid ysclid "
    # Mail
    "_bhlid _bta_c _bta_tid _clde _cldee _ke _kx _ope bbemailid bbeml "
    "ck_subscriber_id dm_i emci emdi et_rid inf_contact_key mc_tc mindbox-click-id "
    "mindbox-message-key nr_email_referer sc_cid pi_campaign_id pi_list_email "
    "sc_customer sc_eh sc_uid spjobid "
    "spmailingid spreportid spuserid ss_email_id vgo_ee wickedid "
    # Analytics and campaigns
    "_gcl_au _gcl_aw _ga _gac _gl at_campaign at_campaign_type at_creation "
    "at_emailtype at_format "
    "at_medium at_network at_ptr_name at_variant campid hmb_campaign hmb_medium "
    "hmb_source s_cid wt_mc wt_zmc xtor "
    # Links that people share, and previews
    "bd_vid continueflag gdt_vid hmci hmcu hmkw hmpl hmsr isappinstalled lipi nsukey "
    "qz_gdt sca_esv slof trk ved xmt __twitter_impression amp_gsa amp_js_v "
    "fb_action_ids fb_action_types "
    "fb_comment_id fb_ref fb_source gs_l guccounter igsh igshid mibextid ref "
    "ref_src ref_url sfnsn usqp wprov".split()
)

SHARED = ("from=singlemessage", "from=groupmessage")
"""Parameters that WeChat adds to a link that people share. Others of this name belong
to a page."""

ESCAPED = re.compile("^(?:amp(?:;|%3B))+", re.I)


def is_tracking(name: str) -> bool:
    """Say whether a parameter tells where a visitor came from.

    Its name is in lower case. A link that was escaped twice has `amp;` before it.
    """
    plain = plain_name(name)
    return plain in NAMES or plain.startswith(BEGINNINGS)


def plain_name(name: str) -> str:
    """Return the name of a parameter without what an escaped `&` left before it."""
    return ESCAPED.sub("", name)


def source_and_campaign(parameters: Iterable[tuple[str, str]]) -> tuple[str, str]:
    """Return the source and the campaign that parameters name, or empty texts.

    A parameter is its name in lower case and its value as it stands in a URL. A source
    is a campaign too if nothing else names one, but `ref` names a source only.
    """
    marks: dict[str, str] = {}
    for name, value in parameters:
        if is_tracking(name):
            decoded = unquote_to_bytes(
                value.replace("+", " ").encode(errors="surrogatepass")
            )
            marks.setdefault(name, decoded.decode(errors="replace"))
    source = _first(marks, SOURCE_NAMES)
    marks.pop("ref", "")
    return source, _first(marks, (*CAMPAIGN_NAMES, *SOURCE_NAMES))


def _first(marks: Mapping[str, str], names: Iterable[str]) -> str:
    return next((marks[name] for name in names if marks.get(name)), "")


def _listed() -> frozenset[str]:
    listed = files("page_tracker.tracking").joinpath("tracking_parameters.txt")
    lines = listed.read_text(encoding="utf-8").splitlines()
    return frozenset(line for line in lines if not line.startswith("#"))


NAMES = MORE | _listed()
