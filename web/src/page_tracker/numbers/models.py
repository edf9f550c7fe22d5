"""The numbers of a site as data: pages draw them, and the API sends them.

The names of fields are those of the API. Later versions keep them, and may add more.
Days are `2026-01-31`, in the time zone of the site. Shares and changes are fractions:
0.5 is a half, or half more.
"""

from datetime import date

from pydantic import BaseModel, ConfigDict, Field


class Model(BaseModel):
    """Data that nobody changes."""

    model_config = ConfigDict(frozen=True)


class Span(Model):
    """Days from the first to the last, both included.

    Of the last day, only the hours before `until` are compared, for example `14:00`; an
    empty text is the whole day.
    """

    name: str = Field(description="`30d`, for example, or `2026-01-01..2026-01-31`")
    first_day: date
    last_day: date
    until: str = ""


class Figure(Model):
    """A number of a period, and of the period before. `null`: nobody can know it.

    `now` is the whole period. `compared` is that part of it which the period before has
    too; the change is that of `compared` against `before`.
    """

    now: float | None
    compared: float | None = None
    before: float | None = None
    change: float | None = None


class Figures(Model):
    """The numbers of a period in a few figures."""

    views: Figure = Field(description="null if an event is isolated: see events")
    uniques: Figure = Field(description="unique views: first views of a page that day")
    visitors_a_day: Figure = Field(description="mean: nobody can count those of a week")
    views_a_visitor: Figure
    events: Figure
    filtered: Figure = Field(description="views that were not counted")


class Bucket(Model):
    """A bar of the chart: an hour, a day, a week or a month."""

    start: str = Field(description="`2026-01-31` or `2026-01-31T14:00`, on its clock")
    views: int | None = Field(description="null if an event is isolated")
    uniques: int | None = Field(description="null if an isolated value has none")
    visitors: int | None = Field(description="of days only, else null")
    events: int | None = Field(description="of days or longer, else null")
    filtered: int | None = Field(description="of days or longer, else null")
    views_before: int | None = None
    uniques_before: int | None = None
    events_before: int | None = None
    is_partial: bool = Field(description="the time has not ended yet")


class Row(Model):
    """One name of a table."""

    name: str = Field(description="as counted; addresses and the API isolate by it")
    label: str = Field(description="for people, in English")
    title: str = Field("", description="title of a page")
    views: int = Field(description="views; of an event, how often")
    uniques: int | None = Field(None, description="of a page: unique views")
    visitors: int | None = Field(None, description="of an event: its visitors, by day")
    conversion: float | None = Field(
        None, description="of an event: its share of the visitors of these days"
    )
    share: float = Field(description="of the views of the whole table")
    before: int | None = Field(None, description="views of the period before")
    change: float | None = None
    days: list[int] = Field([], description="views by bucket, for a small chart")
    first_day: date | None = Field(None, description="first day of it in the period")
    last_day: date | None = None


class Goal(Model):
    """An event or a page that the owner starred."""

    name: str
    is_page: bool
    views: int = Field(description="views of a page; of an event, how often")
    before: int | None = Field(None, description="of the period before")
    change: float | None = None


class Table(Model):
    """Names with most views, and what is missing to the sum of all."""

    name: str = Field(description="`pages`, `sources` and so on")
    rows: list[Row]
    start: int = Field(0, description="number of rows before the first one")
    total: int | None = Field(None, description="number of names; null if not known")
    has_more: bool = False
    other: int = Field(0, description="views under `(other)`: over a cap")
    rest: int = Field(0, description="views of all names without a row")
    views: int = Field(description="sum of rows, other and rest")
    is_isolated: bool = Field(
        False, description="the table answers for all isolated values, else for none"
    )
    note: str = Field(
        "", description="for example `by time zone`, or what the rows leave out"
    )


class Overview(Model):
    """A site in a period: what its dashboard shows."""

    site: str
    time_zone: str
    since: date
    span: Span
    compared_with: Span | None
    by: str = Field(description="`hour`, `day`, `week` or `month`")
    isolated: dict[str, str] = Field(description="parameter → value; empty for all")
    figures: Figures
    buckets: list[Bucket]
    tables: dict[str, Table]
    all_views: int = Field(description="since the first day, with those added by hand")


class Hour(Model):
    """An hour of a weekday, over all its days in the period."""

    weekday: int = Field(description="1 is Monday")
    hour: int = Field(description="0 to 23, on the clock of the site")
    views: int
    uniques: int


class HeatMap(Model):
    """The views of a period by weekday and hour."""

    site: str
    span: Span
    hours: list[Hour]


class LiveView(Model):
    """One of the last views."""

    minutes_ago: int
    page: str
    title: str = ""
    source: str
    country: str = ""


class Live(Model):
    """The last minutes of a site."""

    site: str
    visitors: int = Field(description="in the last 5 minutes, an estimate")
    views: int = Field(description="in the last 30 minutes")
    minutes: list[int] = Field(description="views of the last 60 minutes; last is now")
    last_views: list[LiveView]


class SiteWeek(Model):
    """A site in the list of sites."""

    site: str
    time_zone: str
    views_today: int
    days: list[int] = Field(description="views of the last 7 days; last is today")
    views: int = Field(description="of the last 7 days")
    change: float | None = Field(description="against the 7 days before")
    all_views: int
