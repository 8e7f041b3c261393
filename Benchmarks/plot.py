#!/usr/bin/env python3
"""Draws the figures of benchmarks as bar charts: plot.py [--output DIR] FILE.json ...

A file is a list of {benchmark, case, system, metric, unit, value}, or {"header": {...}, "records": [such a list]}. For each
benchmark and metric one SVG is written: a group of bars for each case, a bar for each system, with its figure, ours in
colour. Where the figures of a chart differ by more than a factor of 50, the axis is logarithmic, and says so. Needs
nothing but Python's standard library.
"""

import argparse
import json
import math
import os
import re
from html import escape

OURS = ("SegmentedLog", "DurableStreams", "durable-streams")
OUR_COLOURS = ["#c2410c", "#ea7c3c", "#f4a878", "#f9cdb0", "#fbe0cf"]
OTHER_COLOURS = ["#475569", "#64748b", "#94a3b8", "#b6c2d1", "#cbd5e1", "#7c8698", "#a8b0bd", "#dbe2ea"]

WIDTH, LABEL_WIDTH, FIGURE_WIDTH = 900, 230, 90
BAR, GAP, GROUP_GAP, HEAD, FOOT = 15, 3, 30, 56, 44


def is_ours(system):
    return system.startswith(OURS)


def read(paths):
    header, records = {}, []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
        if isinstance(content, dict):
            header.update(content.get("header") or {})
            content = content["records"]
        records += content
    return header, records


def unique(values):
    return list(dict.fromkeys(values))


def colours(systems):
    """A colour for each system, the same in all groups of a chart."""
    none_is_ours = not any(map(is_ours, systems))
    ours = [system for system in systems if none_is_ours or is_ours(system)]
    others = [system for system in systems if system not in ours]
    result = {system: OUR_COLOURS[index % len(OUR_COLOURS)] for index, system in enumerate(ours)}
    result.update({system: OTHER_COLOURS[index % len(OTHER_COLOURS)] for index, system in enumerate(others)})
    return result


def figure(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


class Axis:
    """From a value to the length of a bar."""

    def __init__(self, values, length):
        positive = [value for value in values if value > 0] or [1]
        self.length = length
        self.is_logarithmic = max(positive) / min(positive) > 50
        self.high = max(positive)
        # A decade below the smallest, so that it too has a bar.
        self.low = min(positive) / 10

    def bar(self, value):
        if value <= 0:
            return 0
        if self.is_logarithmic:
            return self.length * math.log(value / self.low) / math.log(self.high / self.low)
        return self.length * value / self.high


def text(x, y, content, size=12, anchor="start", weight="normal", fill="#1f2937"):
    return (
        f'<text x="{x}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" font-weight="{weight}" '
        f'fill="{fill}">{escape(content)}</text>'
    )


def chart(benchmark, metric, unit, records, note):
    axis = Axis([record["value"] for record in records], WIDTH - LABEL_WIDTH - FIGURE_WIDTH)
    colour = colours(unique(record["system"] for record in records))
    parts = []
    y = HEAD
    for case in unique(record["case"] for record in records):
        parts.append(text(12, y, case, weight="bold"))
        y += 8
        for record in (record for record in records if record["case"] == case):
            length = max(1, axis.bar(record["value"]))
            middle = y + BAR - 4
            parts.append(text(LABEL_WIDTH - 8, middle, record["system"], size=11, anchor="end"))
            parts.append(
                f'<rect x="{LABEL_WIDTH}" y="{y}" width="{length:.1f}" height="{BAR}" '
                f'fill="{colour[record["system"]]}"/>'
            )
            parts.append(text(round(LABEL_WIDTH + length + 6, 1), middle, figure(record["value"]), size=11))
            y += BAR + GAP
        y += GROUP_GAP
    height = y - GROUP_GAP + FOOT
    shown_unit = "" if unit in ("", "1") else f", {unit}"
    scale = " (logarithmic)" if axis.is_logarithmic else ""
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" '
        'font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        text(12, 24, f"{benchmark}: {metric}{shown_unit}{scale}", size=16, weight="bold"),
    ]
    return "\n".join(head + parts + [text(12, height - 14, note, size=10, fill="#6b7280"), "</svg>"]) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", metavar="FILE.json")
    parser.add_argument("--output", default=".", help="directory for the SVG files")
    options = parser.parse_args()
    header, records = read(options.files)
    facts = [header.get("CPU"), header.get("cores") and f'{header["cores"]} cores', header.get("kernel"), header.get("date")]
    note = ", ".join(fact for fact in facts if fact)
    os.makedirs(options.output, exist_ok=True)
    for benchmark, metric, unit in unique((r["benchmark"], r["metric"], r["unit"]) for r in records):
        chosen = [
            record
            for record in records
            if (record["benchmark"], record["metric"], record["unit"]) == (benchmark, metric, unit)
        ]
        name = re.sub(r"[^A-Za-z0-9.]+", "-", f"{benchmark}-{metric}").strip("-")
        path = os.path.join(options.output, f"{name}.svg")
        with open(path, "w", encoding="utf-8") as file:
            file.write(chart(benchmark, metric, unit, chosen, note))
        print(path)


if __name__ == "__main__":
    main()
