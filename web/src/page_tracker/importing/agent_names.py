"""Names of browsers and systems as other counters write them, in our words.

Ours are those of ua-parser, which `tracking/agents.py` uses. Other counters call a
browser of a phone as that of a computer: `tracking/families.py` shows both in one row.
"""

from page_tracker.tracking.keys import UNKNOWN

BROWSERS = {
    "android": "Android",
    "android-browser": "Android",
    "beaker": "Beaker",
    "chrome": "Chrome",
    "chromium-webview": "Chrome Mobile WebView",
    "crios": "Chrome Mobile iOS",
    "edge": "Edge",
    "edge-chromium": "Edge",
    "edge-ios": "Edge Mobile",
    "microsoft edge": "Edge",
    "facebook": "Facebook",
    "firefox": "Firefox",
    "fxios": "Firefox iOS",
    "ie": "IE",
    "instagram": "Instagram",
    "internet explorer": "IE",
    "ios": "Mobile Safari",
    "ios-webview": "Mobile Safari UI/WKWebView",
    "kakaotalk": "KakaoTalk",
    "line": "LINE",
    "miui": "MiuiBrowser",
    "opera": "Opera",
    "opera-mini": "Opera Mini",
    "opera mini": "Opera Mini",
    "opera-touch": "Opera Touch",
    "phantomjs": "PhantomJS",
    "safari": "Safari",
    "samsung": "Samsung Internet",
    "samsung browser": "Samsung Internet",
    "samsung internet": "Samsung Internet",
    "silk": "Amazon Silk",
    "uc browser": "UC Browser",
    "yandexbrowser": "Yandex Browser",
    "yandex browser": "Yandex Browser",
}

SYSTEMS = {
    "android": "Android",
    "android os": "Android",
    "chrome os": "Chrome OS",
    "chromeos": "Chrome OS",
    "ios": "iOS",
    "linux": "Linux",
    "gnu/linux": "Linux",
    "mac": "Mac OS X",
    "mac os": "Mac OS X",
    "mac os x": "Mac OS X",
    "macos": "Mac OS X",
    "openbsd": "OpenBSD",
    "freebsd": "FreeBSD",
    "netbsd": "NetBSD",
    "blackberry os": "BlackBerry OS",
    "windows": "Windows",
    "windows mobile": "Windows Mobile",
    "windows phone": "Windows Phone",
    "ubuntu": "Ubuntu",
}

DEVICES = {
    "desktop": "desktop",
    "laptop": "desktop",
    "mobile": "phone",
    "phone": "phone",
    "smartphone": "phone",
    "tablet": "tablet",
    "tv": "tv",
    "smarttv": "tv",
}

PHONES = ("Android", "iOS")
COMPUTERS = ("Windows", "Mac OS X", "Linux", "Chrome OS", "FreeBSD", "OpenBSD")

SMALLEST_TABLET = 600
"""CSS pixels of the width of a screen."""


def browser_name(name: str) -> str:
    """Return our name of a browser. One that we do not know keeps its own."""
    name = name.strip()
    return BROWSERS.get(name.lower(), name) or UNKNOWN


def system_name(name: str) -> str:
    """Return our name of a system, without the version of a Windows."""
    name = name.strip()
    if name.lower().startswith("windows "):
        known = SYSTEMS.get(name.lower())
        return known or "Windows"
    return SYSTEMS.get(name.lower(), name) or UNKNOWN


def device_name(name: str) -> str:
    """Return our name of a kind of device."""
    return DEVICES.get(name.strip().lower(), UNKNOWN)


def device_of(system: str, width: int) -> str:
    """Return the kind of device, by its system and the width of its screen."""
    if system in COMPUTERS:
        return "desktop"
    if system in PHONES and width:
        return "tablet" if width >= SMALLEST_TABLET else "phone"
    return UNKNOWN
