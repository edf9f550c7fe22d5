"""The templates of the pages and images that need no Flask."""

from jinja2 import Environment, PackageLoader

TEMPLATES = Environment(
    loader=PackageLoader("page_tracker"), autoescape=True, auto_reload=False
)
