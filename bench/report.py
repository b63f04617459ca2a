# SPDX-License-Identifier: Apache-2.0
"""From measured rounds to medians, ratios, goals, and the text and JSON that show them."""

import statistics
from dataclasses import dataclass

from loads import METRICS

UNDERLAY_TITLES = {"veth": "plain veth underlay", "cable": "emulated cable (XDP_REDIRECT between two veths)"}
SUBJECT = "nestor"


@dataclass(frozen=True)
class Goal:
    """What Nestor has to reach, as a ratio to another variant; whether at least or at most follows from the metric."""
    underlay: str
    metric: str
    baseline: str
    ratio: float
    subject: str = SUBJECT


# What a user has as it comes, and the hardest there is to beat.
VXLANS = ("vxlan_plain", "vxlan")

GOALS = (
    *(Goal(underlay, metric, vxlan, ratio) for vxlan in VXLANS for underlay, metric, ratio in (
        ("veth", "forwarding", 2.3), ("veth", "tcp1", 1.0), ("veth", "rtt", 0.75), ("veth", "rtt_udp", 0.75),
        ("cable", "forwarding", 1.8), ("cable", "tcp1", 1.1), ("cable", "rtt", 0.8), ("cable", "rtt_udp", 0.8))),
    Goal("veth", "forwarding", "redirect", 0.85),
    Goal("veth", "forwarding", "redirect", 0.95, "rewrite"),
    Goal("veth", "tcp1", "redirect", 0.95, "rewrite"),
    Goal("veth", "forwarding", "vxlan_routed_plain", 2.8, "routed"),
    Goal("veth", "forwarding", "vxlan_routed", 2.8, "routed"),
    Goal("veth", "forwarding", "nestor", 0.9, "acl_1k"),
    Goal("veth", "few", "records_1k", 0.95, "records_1m"),
    Goal("veth", "uniform", "records_1k", 0.7, "records_1m"),
    Goal("veth", "uniform", "fdb_1m", 2.0, "records_1m"),
)


class Results:
    """Values by underlay, variant and metric, one a round, in the order of the rounds."""

    def __init__(self):
        self._values = {}

    def add(self, underlay, variant, measured):
        for metric, value in measured.items():
            self._values.setdefault((underlay, variant, metric), []).append(value)

    def values(self, underlay, variant, metric):
        return self._values.get((underlay, variant, metric), [])

    def median(self, underlay, variant, metric):
        values = self.values(underlay, variant, metric)
        return statistics.median(values) if values else None

    def spread(self, underlay, variant, metric):
        """Half of the distance between the quartiles, as a part of the median."""
        values = self.values(underlay, variant, metric)
        if len(values) < 2 or not statistics.median(values):
            return 0.0
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return (high - low) / 2 / statistics.median(values)

    def ratio(self, underlay, variant, baseline, metric):
        """Median of the rounds' ratios: what disturbs a round disturbs both of its values, and cancels."""
        pairs = zip(self.values(underlay, variant, metric), self.values(underlay, baseline, metric))
        ratios = [a / b for a, b in pairs if b]
        return statistics.median(ratios) if ratios else None


def _rows(results, underlay, variants):
    baselines = [b for b in (*VXLANS, "redirect") if b in variants and b != SUBJECT and SUBJECT in variants]
    yield ["", *variants, *(f"{SUBJECT} : {b}" for b in baselines)]
    for metric in METRICS.values():
        if not any(results.values(underlay, v, metric.name) for v in variants):
            continue
        row = [f"{metric.title}, {metric.unit}"]
        for variant in variants:
            median = results.median(underlay, variant, metric.name)
            spread = results.spread(underlay, variant, metric.name)
            row.append("-" if median is None else f"{median:.{metric.digits}f} ±{spread * 100:.0f}%")
        for baseline in baselines:
            ratio = results.ratio(underlay, SUBJECT, baseline, metric.name)
            row.append("-" if ratio is None else f"{ratio:.2f}")
        yield row


def table(results, underlay, variants):
    """One underlay: a column a variant, a row a metric."""
    rows = list(_rows(results, underlay, variants))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [UNDERLAY_TITLES[underlay]]
    for number, row in enumerate(rows):
        lines.append("  ".join([row[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(row[1:], widths[1:]))]).rstrip())
        if number == 0:
            lines.append("-" * (sum(widths) + 2 * (len(widths) - 1)))
    return "\n".join(lines)


def judge(results):
    """The goals that could be measured: dicts with goal, reached and met."""
    judged = []
    for goal in GOALS:
        reached = results.ratio(goal.underlay, goal.subject, goal.baseline, goal.metric)
        if reached is None:
            continue
        at_least = METRICS[goal.metric].better > 0
        judged.append({"underlay": goal.underlay, "metric": goal.metric, "baseline": goal.baseline, "subject": goal.subject,
                       "bound": "at least" if at_least else "at most", "goal": goal.ratio, "reached": reached,
                       "met": reached >= goal.ratio if at_least else reached <= goal.ratio})
    return judged


def goals_text(judged):
    lines = ["goal and reached (ratio of Nestor, by NVGRE or IP rewrite, to the other)"]
    for g in judged:
        what = f"{g['underlay']}: {METRICS[g['metric']].title}, {g['subject']} : {g['baseline']}"
        lines.append(f"  {what:<52} {g['bound']:>8} {g['goal']:.2f}  reached {g['reached']:.2f}  "
                     f"{'yes' if g['met'] else 'NO'}")
    return "\n".join(lines)


def as_json(results, underlays, variants, machine, parameters):
    """Everything, for programs: medians, spreads, the single rounds, ratios and goals."""
    def cell(underlay, variant, metric):
        return {"median": results.median(underlay, variant, metric),
                "spread": results.spread(underlay, variant, metric),
                "rounds": results.values(underlay, variant, metric)}

    def row(underlay, variant):
        return {m: cell(underlay, variant, m) for m in METRICS if results.values(underlay, variant, m)}

    def ratios(underlay, baseline):
        found = {m: results.ratio(underlay, SUBJECT, baseline, m) for m in METRICS}
        return {m: ratio for m, ratio in found.items() if ratio is not None}

    return {
        "machine": machine,
        "parameters": parameters,
        "units": {m.name: m.unit for m in METRICS.values()},
        "underlays": {u: {v: row(u, v) for v in variants} for u in underlays},
        "ratios": {u: {b: ratios(u, b) for b in variants if b != SUBJECT} for u in underlays},
        "goals": judge(results),
    }
