"""The names of an invented blog about programming, each with its weight."""

from page_tracker.tracking.agents import Agent, agent_of

TOPICS = (
    *("SQLite", "Postgres", "Redis", "Flask", "nginx", "systemd", "Docker", "Git"),
    *("asyncio", "type hints", "regular expressions", "time zones", "Unicode", "TLS"),
    *("DNS", "make", "SSH", "cron", "Rust", "Go", "Lua", "CSS grid", "service workers"),
    *("Vim", "tmux", "email", "HTTP caching", "backups", "feature flags", "logging"),
)
PATTERNS = {
    "{}-after-a-year": "What a year of {} taught me",
    "quick-{}": "{} for the impatient",
    "the-{}-bug": "The {} bug that ate May",
    "plain-{}": "You do not need a framework for {}",
    "debugging-{}": "Debugging {} by candlelight",
    "tour-of-{}": "A small tour of {}",
    "tiny-{}": "{} on a machine with 512 MB",
    "testing-{}": "Testing {} without mocks",
    "{}-myths": "Five myths about {}",
    "{}-measured": "{}, measured",
}
"""Posts: address → title, of each topic."""

TITLES = {
    "/": "Loose Ends: notes on programming",
    "/posts": "All posts",
    "/about": "About this blog",
    "/newsletter": "One letter a month",
    "/uses": "What I use",
}
FIXED = {"/": 0, "/posts": 2, "/about": 7, "/newsletter": 11, "/uses": 17}
"""The places that these pages have among all, by their views."""

SOURCES = {
    "google.com": 380,
    "duckduckgo.com": 60,
    "bing.com": 45,
    "github.com": 60,
    "lobste.rs": 45,
    "reddit.com": 40,
    "mastodon.social": 35,
    "news.ycombinator.com": 30,
    "bsky.app": 25,
    "chatgpt.com": 25,
    "stackoverflow.com": 20,
    "feedly.com": 20,
    "kagi.com": 15,
    "ecosia.org": 12,
    "linkedin.com": 12,
    "youtube.com": 10,
    "dev.to": 9,
    "baidu.com": 8,
    "yandex.ru": 8,
    "pinboard.in": 3,
    **{f"{word}.example": 1 for word in ("tidewater", "rustbelt", "kernelpanic")},
    **{f"reader-{number}.example": 1 for number in range(200)},
}
DIRECT_SHARE = 0.36
SPIKE_SOURCE = "news.ycombinator.com"

CAMPAIGNS = {"": 940, "monthly-letter": 40, "conference-talk": 12, "podcast": 8}
EVENTS = {
    "newsletter signup": 12,
    "copy code": 30,
    "download: dotfiles": 9,
    "outbound: github.com": 26,
    "outbound: sqlite.org": 8,
    "switched to dark": 6,
}
EVENT_SHARE = 0.04

FILTERED = {
    "bot": 80,
    "prefetch": 9,
    "own": 7,
    "spam": 4,
    "rate": 2,
    "privacy signal": 2,
    "other host": 1,
}
FILTERED_SHARE = 0.12

COUNTRIES = {
    ("US", "en"): 310,
    ("DE", "de"): 90,
    ("DE", "en"): 35,
    ("GB", "en"): 95,
    ("IN", "en"): 70,
    ("CA", "en"): 45,
    ("CA", "fr"): 8,
    ("FR", "fr"): 45,
    ("NL", "nl"): 25,
    ("NL", "en"): 14,
    ("BR", "pt"): 32,
    ("CN", "zh"): 38,
    ("JP", "ja"): 30,
    ("PL", "pl"): 24,
    ("SE", "sv"): 18,
    ("AU", "en"): 26,
    ("ES", "es"): 20,
    ("MX", "es"): 9,
    ("IT", "it"): 17,
    ("CH", "de"): 14,
    ("AT", "de"): 10,
    ("CZ", "cs"): 9,
    ("UA", "uk"): 9,
    ("KR", "ko"): 9,
    ("TW", "zh"): 8,
    ("FI", "fi"): 8,
    ("SG", "en"): 8,
    ("ZA", "en"): 6,
    ("NG", "en"): 6,
    ("AR", "es"): 6,
    ("", "en"): 25,
}

MOZILLA = "Mozilla/5.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"
USER_AGENTS = {
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0.0.0 "
    "Safari/537.36": 24,
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT} Chrome/143.0.0.0 "
    "Safari/537.36": 16,
    f"{MOZILLA} (X11; Linux x86_64) {WEBKIT} Chrome/143.0.0.0 Safari/537.36": 8,
    f"{MOZILLA} (Linux; Android 10; K) {WEBKIT} Chrome/143.0.0.0 Mobile "
    "Safari/537.36": 13,
    f"{MOZILLA} (Linux; Android 15; SM-S928B) {WEBKIT} SamsungBrowser/29.0 "
    "Chrome/136.0.0.0 Mobile Safari/537.36": 3,
    f"{MOZILLA} (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1": 12,
    f"{MOZILLA} (iPad; CPU OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/18.6 Mobile/15E148 Safari/604.1": 2,
    f"{MOZILLA} (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/26.0 Safari/605.1.15": 10,
    f"{MOZILLA} (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0": 9,
    f"{MOZILLA} (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 "
    "Firefox/145.0": 7,
    f"{MOZILLA} (Android 15; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0": 2,
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0.0.0 Safari/537.36 "
    "Edg/143.0.0.0": 7,
    f"{MOZILLA} (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/143.0.0.0 Safari/537.36 "
    "OPR/124.0.0.0": 2,
}

HOURS = (
    *(3, 2, 2, 2, 2, 2, 4, 7, 11, 14, 14, 13),
    *(12, 13, 14, 14, 14, 13, 12, 12, 12, 11, 8, 5),
)
WEEKDAYS = (1.05, 1.12, 1.15, 1.12, 1.0, 0.6, 0.62)
"""Weights of hours from midnight on, and of weekdays from Monday on."""


def agents() -> dict[Agent, int]:
    """Return browsers, systems and devices, as the server names them."""
    found: dict[Agent, int] = {}
    for text, weight in USER_AGENTS.items():
        agent = agent_of(text)
        found[agent] = found.get(agent, 0) + weight
    return found


def pages(number: int) -> dict[str, str]:
    """Return pages and their titles: those of the blog, then threads of its forum."""
    titles = dict(TITLES)
    for address, title in PATTERNS.items():
        for topic in TOPICS:
            slug = topic.lower().replace(" ", "-")
            text = title.format(topic)
            titles[f"/posts/{address.format(slug)}"] = text[0].upper() + text[1:]
    posts = list(titles.items())[len(TITLES) :]
    thread = 0
    while len(titles) < number:
        path, title = posts[thread % len(posts)]
        thread += 1
        titles[f"/forum/{thread}{path.removeprefix('/posts')}"] = f"Re: {title}"
    return dict(list(titles.items())[:number])
