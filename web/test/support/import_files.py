"""Files that other programs write, made by hand for tests of imports."""

import csv
import io
import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from support import BROWSER

GOATCOUNTER = (
    "2Path,Title,Event,UserAgent,Browser,System,Session,Bot,Referrer,Referrer scheme,"
    "Screen size,Location,FirstVisit,Date"
)
UMAMI = (
    "website_id,session_id,visit_id,event_id,hostname,browser,os,device,screen,"
    "language,country,region,city,url_path,url_query,utm_source,utm_medium,"
    "utm_campaign,utm_content,utm_term,referrer_path,referrer_query,referrer_domain,"
    "page_title,gclid,fbclid,msclkid,ttclid,li_fat_id,twclid,lcp,inp,cls,fcp,ttfb,"
    "event_type,event_name,tag,distinct_id,created_at,job_id"
)


def ago(days: int, time: str = "10:00:05") -> datetime:
    """Return a time of an earlier day, in UTC."""
    day = datetime.now(UTC).date() - timedelta(days=days)
    return datetime.fromisoformat(f"{day}T{time}+00:00")


def log_line(at: datetime, request: str = "GET / HTTP/2.0", **cells: str | int) -> str:
    """Return a line of a log in the combined format."""
    usual = {"address": "192.0.2.7", "status": 200, "referrer": "-", "agent": BROWSER}
    address, status, referrer, agent = (usual | cells).values()
    return (
        f'{address} - - [{at:%d/%b/%Y:%H:%M:%S %z}] "{request}" {status} 5120 '
        f'"{referrer}" "{agent}"\n'
    )


def caddy_line(
    at: datetime, uri: str = "/", host: str = "example.org", agent: str = BROWSER
) -> str:
    """Return a line of a log of Caddy."""
    line = {
        "level": "info",
        "ts": at.timestamp(),
        "logger": "http.log.access.log0",
        "msg": "handled request",
        "request": {
            "remote_ip": "192.0.2.7",
            "remote_port": "50312",
            "client_ip": "192.0.2.7",
            "proto": "HTTP/2.0",
            "method": "GET",
            "host": host,
            "uri": uri,
            "headers": {"User-Agent": [agent], "Accept-Language": ["de-DE,de"]},
        },
        "status": 200,
        "size": 5120,
    }
    return json.dumps(line) + "\n"


def csv_file(header: str, rows: Iterable[dict[str, str]]) -> str:
    """Return a CSV file. A row has the cells that are not empty."""
    names = header.split(",")
    text = io.StringIO()
    writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
    text.write(header + "\n")
    writer.writerows(rows)
    return text.getvalue()


def goatcounter_row(path: str, at: datetime, **cells: str) -> dict[str, str]:
    """Return a row of GoatCounter's export, of a first view."""
    names = {"scheme": "Referrer scheme", "size": "Screen size"}
    usual = {
        **{"2Path": path, "Event": "0", "Browser": "Firefox 140", "Bot": "0"},
        **{"System": "Windows 10", "Session": "a-1", "Referrer scheme": "o"},
        **{"Screen size": "1280,0,1", "Location": "DE", "FirstVisit": "1"},
        "Date": f"{at:%Y-%m-%dT%H:%M:%SZ}",
    }
    return usual | {names.get(name, name): cell for name, cell in cells.items()}


def umami_row(path: str, at: datetime, **cells: str) -> dict[str, str]:
    """Return a row of Umami's export, of a view."""
    usual = {
        **{"website_id": "b59e9c65", "session_id": "s1", "hostname": "example.org"},
        **{"browser": "edge-chromium", "os": "Windows 10", "device": "laptop"},
        **{"language": "en-US", "country": "DE", "url_path": path, "event_type": "1"},
        "created_at": f"{at:%Y-%m-%d %H:%M:%S}",
    }
    return usual | cells
