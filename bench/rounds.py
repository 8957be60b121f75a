"""What bench/paths and bench/connect have in common: rounds that run every part with every kind of program, one straight after
the other, each run in a new network and new processes; the kind that goes first alternates."""
import argparse
import json
import pathlib
import statistics
import subprocess
import sys
import time

import harness
import measures
import overlay
import report
import strangers

ROOT = pathlib.Path(__file__).resolve().parent.parent


class Failed(Exception):
    """A run came to no figures; says all that its processes said."""


def in_new_lab(part, kind, seconds, disturbance):
    """The figures of one part, and how other work disturbed it, if it did."""
    with harness.Lab() as lab:
        before = measures.Times([])
        try:
            figures = part(kind, lab, seconds)
        except (AssertionError, subprocess.SubprocessError) as error:
            raise Failed("\n".join([*lab.logs(), str(error)])) from error
        alive = [process.pid for host in lab.hosts for process in host.processes if process.is_running()]
        return figures, disturbance.note(before, measures.Times(alive))


class Rounds:
    """Runs everything, tells how it goes, and keeps what was measured."""

    def __init__(self, args, kinds, parts, units):
        self.parts = parts
        self.units = units  # measure -> (unit, target)
        self.seconds = args.seconds
        self.plan = [(number, part, kind) for number in range(1, args.rounds + 1) for part in parts
                     for kind in (kinds if number % 2 else reversed(kinds))]
        self.disturbance = measures.Disturbance("runs")
        self.values = {}  # (measure, kind) -> {round: [value of each run]}
        self.disturbed = {}  # measure -> {round}
        self.marks = []  # which runs were disturbed
        self.failures = 0

    def run(self):
        began = time.monotonic()
        for done, (number, part, kind) in enumerate(self.plan):
            left = f", about {(time.monotonic() - began) / done * (len(self.plan) - done) / 60:.0f} min left" if done else ""
            report.say(f"bench: run {done + 1} of {len(self.plan)}{left}: round {number}, {part}, {kind}")
            try:
                figures, disturbed = in_new_lab(self.parts[part], kind, self.seconds, self.disturbance)
            except Failed as failure:
                self.failures += 1
                report.say(f"{failure}\nbench: no figures from this run")
                continue
            if disturbed:
                self.marks.append(f"round {number} {part} {kind}")
            for measure, value in figures.items():
                self.values.setdefault((measure, kind), {}).setdefault(number, []).append(value)
                if disturbed:
                    self.disturbed.setdefault(measure, set()).add(number)
            found = ", ".join(f"{measure} {value:.4g}" for measure, value in figures.items())
            report.say(f"  {found}" + (f"  DISTURBED: {disturbed}" if disturbed else ""))

    def rows(self):
        """The figures as the objects that --json prints; some measures are taken several times in a round."""
        for measure, (unit, target) in self.units.items():
            ours, stock = ({number: statistics.median(values) for number, values in self.values.get((measure, kind), {}).items()}
                           for kind in ("ours", "stock"))
            if ours or stock:
                yield {**report.row(measure, unit, ours, stock, target), "ours by round": ours, "baseline by round": stock,
                       "disturbed rounds": sorted(self.disturbed.get(measure, ()))}

    def story(self):
        """How many runs there were, and what was not as it should be."""
        lines = [str(self.disturbance)]
        if self.marks:
            lines.append("disturbed: " + ", ".join(self.marks))
        if self.failures:
            lines.append(f"{self.failures} runs came to no figures")
        return "; ".join(lines)


def main(name, description, module, units):
    """The program of a benchmark: module has KINDS, PARTS and why_missing(kind)."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one object per line instead of a table")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=10, help="of the TCP stream")
    parser.add_argument("--quick", action="store_true", help="one round, 3 s of TCP: a look, not a figure")
    parser.add_argument("--write", action="store_true", help="put the table into bench/README.md")
    parser.add_argument("--only", action="append", choices=[*module.KINDS, *module.PARTS],
                        help="this kind, without its comparison, or this part; may be given several times")
    parser.add_argument("--no-build", action="store_true", help="take the programs that are there")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds = 1, 3
    if not args.no_build:
        report.build()
        subprocess.run([ROOT / "test/compat/build"], check=True, stdout=sys.stderr)
    reason = harness.why_not()
    if reason:
        sys.exit(f"bench: {reason}")
    harness.die_with_signals()
    harness.remove_stale()
    overlay.remove_stale()

    def chosen(names):
        return [name for name in names if name in (args.only or ())] or list(names)

    kinds = []
    for kind in chosen(module.KINDS):
        missing = module.why_missing(kind)
        if missing:
            report.say(f"bench: without {kind}: {missing}")
        else:
            kinds.append(kind)
    rounds = Rounds(args, kinds, {part: module.PARTS[part] for part in chosen(module.PARTS)}, units)
    rounds.run()

    found = list(rounds.rows())
    how = f"{args.rounds} rounds, TCP for {args.seconds:g} s; {rounds.story()}"
    text = report.text([*report.machine(), ("stock", f"tailscale.com {strangers.version()}"), ("run", how)], found)
    print("\n".join(map(json.dumps, found)) if args.json else text)
    if args.write:
        report.write_readme(name, text)
    return 1 if rounds.failures or any(one["meets"] is False for one in found) else 0
