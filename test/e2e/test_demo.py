"""What scripts/demo shows must stay true."""
import pathlib
import subprocess
import sys

import pytest

import demo_overlay
from conftest import need


def test_every_scene_is_seen():
    need("ours")
    reason = demo_overlay.why_missing()
    if reason:
        pytest.skip(reason)
    result = subprocess.run([sys.executable, pathlib.Path(__file__).with_name("demo.py")], capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "an SSH session at home: ok" in result.stdout
    assert "(f) the server is killed and restarted: silence: ok" in result.stdout
    assert "(d) the NAS opens the laptop's page by name: ok" in result.stdout
