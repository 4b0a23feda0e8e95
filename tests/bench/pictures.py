"""A table as a bar chart: the median as a bar, the spread of the rounds as a line across its end."""

from html import escape

ROW, WORDS, ROOM, NUMBERS, HEAD = 26, 330, 380, 90, 34
OURS, THEIRS, INK = "#1f6f8b", "#b8c4c9", "#222"


def plot(table):
    """The SVG document."""
    most = max(max(row.rounds) for row in table.rows.values()) or 1
    lines = [_bar(row, index, most) for index, row in enumerate(table.rows.values())]
    width, height = WORDS + ROOM + NUMBERS, HEAD + ROW * len(lines)
    title = escape(f"{table.title} ({table.unit})")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'font-family="sans-serif" font-size="13" fill="{INK}" role="img">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{width}" height="{height}" fill="white"/>\n'
        f'<text x="6" y="20" font-weight="bold">{title}</text>\n' + "\n".join(lines) + "\n</svg>\n"
    )


def _bar(row, index, most):
    scale, y = ROOM / most, HEAD + index * ROW
    length, low, high = (
        round(v * scale, 1) for v in (row.median, min(row.rounds), max(row.rounds))
    )
    colour, middle = OURS if index == 0 else THEIRS, y + ROW / 2 - 3
    return (
        f'<text x="{WORDS - 8}" y="{middle + 5}" text-anchor="end">{escape(row.title)}</text>'
        f'<rect x="{WORDS}" y="{y}" width="{length}" height="{ROW - 8}" fill="{colour}"/>'
        f'<line x1="{WORDS + low}" x2="{WORDS + high}" y1="{middle}" y2="{middle}" '
        f'stroke="{INK}" stroke-width="2"/>'
        f'<text x="{WORDS + max(length, high) + 8}" y="{middle + 5}">{_number(row.median)}</text>'
    )


def _number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
