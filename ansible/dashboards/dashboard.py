"""A dashboard in few words, and the JSON that Grafana wants for it (its dashboard model, schemaVersion 42)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCHEMA_VERSION: Final = 42
COLUMNS: Final = 24
"""Of Grafana's grid."""
HEIGHT: Final = 8
SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Panel:
    """Lines over time. `queries`: by the name of their lines, in which `{{label}}` is a label's value."""

    title: str
    unit: str
    """As Grafana calls it: `s`, `bytes`, `percentunit`, `ops` (a second), `short` (a number)."""
    queries: Mapping[str, str]
    what: str
    """What it shows, for whoever has not built the box."""
    width: int = 8
    stacked: bool = False
    most: float | None = None
    """The axis's end, where there is one by nature."""
    limit: float | None = None
    """From here it is red."""

    def model(self, number: int, x: int, y: int) -> dict[str, Any]:
        """As Grafana has it."""
        red = [] if self.limit is None else [{"value": self.limit, "color": "red"}]
        return {
            "id": number,
            "type": "timeseries",
            "title": self.title,
            "description": self.what,
            "datasource": SOURCE,
            "gridPos": {"h": HEIGHT, "w": self.width, "x": x, "y": y},
            "targets": [
                {
                    "refId": chr(ord("A") + place),
                    "datasource": SOURCE,
                    "expr": expr,
                    "legendFormat": name,
                    "range": True,
                }
                for place, (name, expr) in enumerate(self.queries.items())
            ],
            "fieldConfig": {
                "defaults": {
                    "unit": self.unit,
                    "min": 0,
                    **({} if self.most is None else {"max": self.most}),
                    "color": {"mode": "palette-classic"},
                    "thresholds": {"mode": "absolute", "steps": [{"value": None, "color": "green"}, *red]},
                    "custom": {
                        "drawStyle": "line",
                        "fillOpacity": 20 if self.stacked else 0,
                        "showPoints": "never",
                        "stacking": {"mode": "normal" if self.stacked else "none", "group": "A"},
                        "thresholdsStyle": {"mode": "line" if red else "off"},
                    },
                },
                "overrides": [],
            },
            "options": {
                "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
                "tooltip": {"mode": "multi", "sort": "desc"},
            },
        }


@dataclass(frozen=True, slots=True)
class Row:
    """Panels that belong together, below a heading."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page."""

    name: str
    title: str
    what: str
    rows: Sequence[Row] = field(default_factory=tuple)

    def model(self) -> dict[str, Any]:
        """As Grafana has it: panels fill the grid from left to right."""
        panels: list[dict[str, Any]] = []
        y = 0
        for row in self.rows:
            place = {"h": 1, "w": COLUMNS, "x": 0, "y": y}
            panels.append(
                {
                    "id": len(panels) + 1,
                    "type": "row",
                    "title": row.title,
                    "collapsed": False,
                    "gridPos": place,
                    "panels": [],
                }
            )
            x, y = 0, y + 1
            for panel in row.panels:
                if x + panel.width > COLUMNS:
                    x, y = 0, y + HEIGHT
                panels.append(panel.model(len(panels) + 1, x, y))
                x += panel.width
            y += HEIGHT
        return {
            "uid": f"appliance-{self.name}",
            "title": self.title,
            "description": self.what,
            "tags": ["voice-appliance"],
            "schemaVersion": SCHEMA_VERSION,
            "editable": False,
            "graphTooltip": 1,
            "refresh": "30s",
            "time": {"from": "now-3h", "to": "now"},
            "timepicker": {},
            "annotations": {"list": []},
            "links": [
                {
                    "title": "Voice appliance",
                    "type": "dashboards",
                    "tags": ["voice-appliance"],
                    "icon": "external link",
                    "tooltip": "",
                    "asDropdown": True,
                    "targetBlank": False,
                    "includeVars": True,
                    "keepTime": True,
                }
            ],
            "templating": {"list": [_SOURCES, _BOXES]},
            "panels": panels,
        }

    def json(self) -> str:
        """The file."""
        return json.dumps(self.model(), indent=2) + "\n"


_SOURCES: Final[dict[str, Any]] = {
    "name": "datasource",
    "label": "Source",
    "type": "datasource",
    "query": "prometheus",
    "refresh": 1,
    "hide": 0,
}
_BOXES: Final[dict[str, Any]] = {
    "name": "box",
    "label": "Box",
    "type": "query",
    "datasource": SOURCE,
    "query": 'label_values(up{job="appliance"}, box)',
    "definition": 'label_values(up{job="appliance"}, box)',
    "refresh": 2,
    "sort": 1,
    "multi": True,
    "includeAll": True,
    "allValue": ".*",
    "hide": 0,
}
