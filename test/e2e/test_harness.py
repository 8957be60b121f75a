"""The harness keeps its promise: what it makes goes away, however a run ends."""
import pathlib
import signal
import subprocess
import sys

import pytest

import harness

RUN = """
import sys, time
sys.path.insert(0, sys.argv[1])
import harness
harness.die_with_signals()
with harness.Lab() as lab:
    host = lab.host("one")
    host.start("sleep", "1000")
    print(host.namespace, lab.directory, flush=True)
    time.sleep(1000)
"""


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_everything_is_removed_after(sign):
    run = subprocess.Popen([sys.executable, "-c", RUN, pathlib.Path(__file__).parent],
                           stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    namespace, directory = run.stdout.readline().split()
    assert pathlib.Path("/run/netns", namespace).exists()
    run.send_signal(sign)
    run.wait(10)
    if sign == signal.SIGKILL:
        assert pathlib.Path("/run/netns", namespace).exists()
        harness.remove_stale()
    assert not pathlib.Path("/run/netns", namespace).exists()
    assert not pathlib.Path(directory).exists()


def test_a_running_labs_namespaces_are_not_stale(lab):
    host = lab.host("one")
    harness.remove_stale()
    assert host.run("true").returncode == 0


def test_waiting_in_vain_says_for_what():
    with pytest.raises(AssertionError, match="the moon"):
        harness.wait_until(lambda: False, "the moon", seconds=0.1)
