"""The few forms that questions to Prometheus have here. Each asks for the boxes that are chosen above the panels."""

from __future__ import annotations


def chosen(metric: str, match: str = "") -> str:
    """Series of a metric; `match` is in PromQL's own words, such as `door="realtime"`."""
    return f'{metric}{{box=~"$box"{", " if match else ""}{match}}}'


def value(metric: str, by: str, match: str = "") -> str:
    """A gauge, added up by these labels."""
    return f"sum by ({by}) ({chosen(metric, match)})"


def most(metric: str, by: str, match: str = "") -> str:
    """A gauge that is not to be added up."""
    return f"max by ({by}) ({chosen(metric, match)})"


def rate(metric: str, by: str = "box", match: str = "") -> str:
    """A counter's growth a second."""
    return f"sum by ({by}) (rate({chosen(metric, match)}[$__rate_interval]))"


def quantile(share: float, metric: str, by: str = "", match: str = "") -> str:
    """Of a histogram, such as its median for 0.5."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(f'{metric}_bucket', labels, match)})"


def mean(metric: str, by: str = "box", match: str = "") -> str:
    """Of a histogram."""
    return f"{rate(f'{metric}_sum', by, match)} / {rate(f'{metric}_count', by, match)}"


def share(metric: str, of: str, by: str = "box") -> str:
    """How much of a counter's growth is of this kind; `of` is in PromQL's words."""
    return f"{rate(metric, by, of)} / {rate(metric, by)}"
