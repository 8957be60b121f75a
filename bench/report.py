"""What the programs of bench share: building ours, naming the machine, and rows of ours beside a baseline."""
import os
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = ROOT / "bench/README.md"
COLUMNS = ("measure", "unit", "ours", "baseline", "ratio", "spread", "target", "meets")


def say(text):
    print(text, file=sys.stderr, flush=True)


def build():
    """Installs what is missing, and builds our programs as they ship."""
    subprocess.run([ROOT / "scripts/setup", "--bench"], check=True, stdout=sys.stderr)
    for command in (["cmake", "--preset", "release"], ["cmake", "--build", "build/release"]):
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"bench: {' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-4000:]}")


def output_of(*command):
    try:
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout.strip()
    except FileNotFoundError:
        return ""


def machine():
    """What every figure depends on, as (what, value) rows."""
    cpu = pathlib.Path("/proc/cpuinfo").read_text()
    flags = set(re.search(r"^(?:flags|Features)\s*: (.*)", cpu, re.MULTILINE)[1].split())
    model = re.search(r"^model name\s*: (.*)", cpu, re.MULTILINE)
    dirty = " with changes" if output_of("git", "status", "--porcelain") else ""
    vector = ", ".join(sorted(flags & {"avx2", "avx512f", "avx512ifma", "vaes", "asimd", "sha3"}))
    return [
        ("machine", f"{os.cpu_count()} cores, {model[1] if model else os.uname().machine}, {vector or 'no vector flags known'}"),
        ("kernel", os.uname().release),
        ("compiler", output_of("clang++-19", "--version").splitlines()[0] + ", -O2"),
        ("commit", output_of("git", "rev-parse", "--short", "HEAD") + dirty),
    ]


def median(values):
    return round(statistics.median(values), 3) if values else None


def row(measure, unit, ours, baseline, target=None):
    """One measure as --json prints it; ours and baseline are {round: value}, the target ("ratio" | "at most", limit)."""
    ratios = [ours[number] / baseline[number] for number in ours if baseline.get(number)]
    result = {"measure": measure, "unit": unit, "ours": median(ours.values()), "baseline": median(baseline.values()),
              "ratio": median(ratios), "target": None, "meets": True,
              "spread": f"{min(ratios):.3g}-{max(ratios):.3g}" if ratios else ""}
    if target:
        kind, limit = target
        value = result["ratio"] if kind == "ratio" else result["ours"]
        result["target"] = limit
        if result["ours"] is None:
            result["meets"] = None  # nothing of ours was measured
        else:
            result["meets"] = value is not None and (value >= limit if kind == "ratio" else value <= limit)
    return result


def table(found):
    lines = [f"| {' | '.join(COLUMNS)} |", "|---|---|---|---|---|---|---|---|"]
    for one in found:
        cells = [one[key] for key in COLUMNS]
        if one["target"] is None:
            cells[-1] = None
        texts = ["" if cell is None else {True: "yes", False: "no"}[cell] if isinstance(cell, bool) else str(cell) for cell in cells]
        lines.append("| " + " | ".join(texts) + " |")
    return "\n".join(lines)


def text(facts, found):
    lines = "\n".join(f"- {what}: {value}" for what, value in facts)
    return f"{lines}\n\n{table(found)}\n"


def write_readme(name, content):
    """Puts the content between the marks of this program in bench/README.md."""
    begin, end = f"<!-- {name}: written by bench/{name} --write -->\n", f"<!-- {name}: end -->"
    head, rest = README.read_text().split(begin)
    README.write_text(head + begin + content + end + rest.split(end)[1])
