"""Families of browsers and systems: the one name for those that people call the same.

Days store the names of ua-parser, which tells Mobile Safari from Safari. Reports add
them up by family, so days that were stored before have families too.
"""

import re

KIND = re.compile(
    r"^Mobile "
    r"| (?:Mobile|UI/WKWebView|WebView|iOS|Alpha|Beta|Large Screen|\(.+\))(?= |$)"
)
"""The parts of a name besides the family: the kind of device, or a test version."""

FAMILIES = {
    name: family
    for family, names in {
        "BlackBerry": ("BlackBerry OS", "BlackBerry Tablet OS", "BlackBerry WebKit"),
        "Chromecast": (
            "Chromecast Android",
            "Chromecast Fuchsia",
            "Chromecast Linux",
            "Chromecast SmartSpeaker",
        ),
        "Linux": (
            *("Arch Linux", "CentOS", "Debian", "Fedora", "Gentoo", "Kubuntu"),
            *("Linux Mint", "Mageia", "Mandriva", "PCLinuxOS", "Puppy", "Red Hat"),
            *("Slackware", "SUSE", "Ubuntu", "Xubuntu"),
        ),
        "macOS": ("Mac OS X", "Mac OS"),
        "Symbian": ("Symbian OS", "Symbian^3", "Symbian^3 Anna", "Symbian^3 Belle"),
        "tvOS": ("ATV OS X",),
        "webOS": ("Web0S",),
        "Windows Mobile": ("Windows Mobile",),
    }.items()
    for name in names
}


def family_of(name: str) -> str:
    """Return the family of a browser or a system, or the name if it has no other."""
    return FAMILIES.get(name) or KIND.sub("", name)
