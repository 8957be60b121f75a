"""What `cmake --install` and the Debian packages put in place, and that it goes again. Needs a release build only."""
import json
import pathlib
import re
import shutil
import stat
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
UNITS = ("warrend.service", "warren-server.service")
MODES = {"bin": 0o755, "systemd/system": 0o644, "man1": 0o644, "/etc/warren": 0o644, "completions": 0o644}


@pytest.fixture(scope="session", autouse=True)
def privileges():
    """Nothing here needs root or a network, unlike the rest of this folder."""


@pytest.fixture(scope="module", autouse=True)
def manifest():
    """What a person installed from this build can be uninstalled afterwards."""
    path = BUILD / "install_manifest.txt"
    before = path.read_bytes() if path.exists() else None
    yield
    path.unlink(missing_ok=True)
    if before is not None:
        path.write_bytes(before)


def run(*command, **settings):
    return subprocess.run([str(word) for word in command], check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **settings).stdout


def need(*programs):
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing")


def files_below(root):
    return {f"/{path.relative_to(root)}" for path in root.rglob("*") if not path.is_dir()}


def build():
    need("cmake")
    for program in ("warren", "warrend", "warren-server"):
        if not (BUILD / "src/main" / program).exists():
            pytest.skip(f"{BUILD}/src/main/{program} is missing: build the release preset")
    run("cmake", "--build", BUILD, "--target", "warren_manual")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A tree that `cmake --install` has filled, as if it were /."""
    build()
    root = tmp_path_factory.mktemp("installed")
    run("cmake", "--install", BUILD, "--prefix", "/usr", env={"DESTDIR": str(root), "PATH": "/usr/bin:/bin"})
    return root


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """The .deb files by their package's name."""
    build()
    need("cpack", "dpkg-deb", "dpkg-shlibdeps")
    directory = tmp_path_factory.mktemp("packages")
    run("cpack", "--config", BUILD / "CPackConfig.cmake", "-B", directory, umask=0o022)
    found = {run("dpkg-deb", "-f", file, "Package").strip(): file for file in directory.glob("*.deb")}
    assert sorted(found) == ["warren", "warren-server"]
    return found


def expect_programs(files, *names):
    assert {pathlib.PurePath(file).name for file in files if file.startswith("/usr/bin/")} == set(names)


def test_install_puts_everything_in_place(installed):
    files = files_below(installed)
    expect_programs(files, "warren", "warrend", "warren-server", "warren-wg")
    for file in ("lib/systemd/system/warrend.service", "lib/systemd/system/warren-server.service",
                 "lib/sysusers.d/warren.conf", "lib/tmpfiles.d/warren.conf", "share/man/man1/warren.1",
                 "share/man/man1/warren-up.1", "share/bash-completion/completions/warren",
                 "share/fish/vendor_completions.d/warren.fish", "share/zsh/site-functions/_warren",
                 "share/doc/warren/examples/node.json", "share/doc/warren/examples/server.json"):
        assert f"/usr/{file}" in files
    assert all(file.startswith("/usr/") for file in files), "the user's /etc/warren is not touched"


def test_units_name_the_programs_where_they_are(tmp_path):
    build()
    run("cmake", "--install", BUILD, "--prefix", tmp_path / "opt")
    for unit in UNITS:
        text = (tmp_path / "opt/lib/systemd/system" / unit).read_text()
        started = re.search(r"^ExecStart=(\S+)$", text, re.M).group(1)
        assert started == f"{tmp_path}/opt/bin/{unit.removesuffix('.service')}"
        assert "@WARREN" not in text


def test_uninstall_leaves_nothing(tmp_path):
    build()
    settings = {"env": {"DESTDIR": str(tmp_path), "PATH": "/usr/bin:/bin"}}
    run("cmake", "--install", BUILD, "--prefix", "/usr/local", **settings)
    keys = tmp_path / "var/lib/warren/node/state.json"
    keys.parent.mkdir(parents=True)
    keys.touch()
    assert len(files_below(tmp_path)) > 10
    run("cmake", "--build", BUILD, "--target", "uninstall", **settings)
    assert files_below(tmp_path) == {"/var/lib/warren/node/state.json"}
    assert not [path for path in tmp_path.rglob("*warren*") if "var/lib" not in str(path)]
    run("cmake", "--install", BUILD, "--prefix", "/usr/local", **settings)
    run("cmake", "--build", BUILD, "--target", "purge", **settings)
    assert not files_below(tmp_path)


def test_units_are_good(installed, tmp_path):
    need("systemd-analyze")
    for unit in UNITS:
        # The programs of this tree, not of the machine.
        text = (installed / "usr/lib/systemd/system" / unit).read_text()
        (tmp_path / unit).write_text(text.replace("=/usr/bin/warren", f"={installed}/usr/bin/warren"))
        said = run("systemd-analyze", "verify", "--man=no", tmp_path / unit)
        assert unit not in said, said


@pytest.mark.parametrize("unit, tenths", [("warren-server.service", 20), ("warrend.service", 25)])
def test_units_are_hardened(installed, unit, tenths):
    need("systemd-analyze")
    if "--offline" not in run("systemd-analyze", "--help"):
        pytest.skip("systemd-analyze is older than 250")
    run("systemd-analyze", "security", "--offline=true", f"--threshold={tenths}", "--no-pager",
        installed / "usr/lib/systemd/system" / unit)


def test_users_and_directories_are_understood(tmp_path, installed):
    need("systemd-sysusers")
    (tmp_path / "etc").mkdir()
    for file in ("passwd", "group"):
        (tmp_path / "etc" / file).write_text("root:x:0:0:root:/root:/bin/sh\n" if file == "passwd" else "root:x:0:\n")
    run("systemd-sysusers", f"--root={tmp_path}", installed / "usr/lib/sysusers.d/warren.conf")
    groups = dict(line.split(":")[::3] for line in (tmp_path / "etc/group").read_text().splitlines())
    assert groups["warren-admin"] == "warren", "the server may give its socket to that group"
    assert re.search(r"^warren:.*:/var/lib/warren:\S*nologin$", (tmp_path / "etc/passwd").read_text(), re.M)


def test_manual_pages_render_without_warnings(installed):
    need("man")
    pages = sorted((installed / "usr/share/man/man1").iterdir())
    for page in pages:
        shown = subprocess.run(["man", "--warnings", "-E", "UTF-8", "-l", page], capture_output=True, text=True,
                               env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"})
        assert shown.returncode == 0 and not shown.stderr, f"{page.name}: {shown.stderr}"
        assert "SYNOPSIS" in shown.stdout


def test_bash_completes_commands(installed):
    need("bash")
    script = installed / "usr/share/bash-completion/completions/warren"
    asked = f"""source {script}
      COMP_WORDS=(warren sta) COMP_CWORD=1 COMP_LINE='warren sta' COMP_POINT=10
      $(complete -p warren | sed 's/.*-F \\([^ ]*\\).*/\\1/') warren sta warren
      echo "${{COMPREPLY[@]}}" """
    assert "status" in run("bash", "--norc", "-c", asked).split()


def test_examples_are_good_configurations(installed):
    examples = installed / "usr/share/doc/warren/examples"
    run(installed / "usr/bin/warrend", "--check-config", "--config", examples / "node.json")
    run(installed / "usr/bin/warren-server", "--check-config", "--config", examples / "server.json", "--url",
        "https://warren.example.org")


@pytest.mark.parametrize("name, programs", [("warren", ("warren", "warrend", "warren-wg")),
                                            ("warren-server", ("warren-server",))])
def test_packages_hold_what_they_should(packages, tmp_path, name, programs):
    run("dpkg-deb", "-x", packages[name], tmp_path)
    files = files_below(tmp_path)
    expect_programs(files, *programs)
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.is_dir():
            assert mode == 0o755, path
        for part, expected in MODES.items():
            if part in str(path.parent):
                assert path.is_dir() or mode == expected, path
    owners = {line.split()[1] for line in run("dpkg-deb", "-c", packages[name]).splitlines()}
    assert owners == {"root/root"}
    unit = next(path for path in tmp_path.rglob("*.service"))
    assert re.search(r"^ExecStart=/usr/bin/", unit.read_text(), re.M)
    conffiles = run("dpkg-deb", "-I", packages[name], "conffiles").split()
    assert conffiles == [file for file in files if file.startswith("/etc/")], "dpkg keeps what the user wrote there"


def test_packages_say_what_they_need(packages):
    needs = {name: run("dpkg-deb", "-f", file, "Depends") for name, file in packages.items()}
    for name in needs:
        assert re.search(r"\blibc6 \(>= ", needs[name]), f"{name}: {needs[name]}"
        assert "libstdc++6" in needs[name] and "libsodium23" in needs[name]
    assert "systemd-standalone-sysusers" in needs["warren"]
    version = run("dpkg-deb", "-f", packages["warren"], "Version").strip()
    assert f"warren (= {version})" in needs["warren-server"]


@pytest.mark.parametrize("name", ["warren", "warren-server"])
def test_maintainer_scripts_are_well_formed(packages, tmp_path, name):
    run("dpkg-deb", "-e", packages[name], tmp_path)
    for script in ("postinst", "prerm", "postrm"):
        run("sh", "-n", tmp_path / script)
        assert stat.S_IMODE((tmp_path / script).stat().st_mode) == 0o755
    starts = [line for line in (tmp_path / "postinst").read_text().splitlines() if "invoke start" in line]
    assert bool(starts) == (name == "warren"), "a server starts when its owner says so"


def test_packages_unpack_side_by_side_and_go_again(packages, tmp_path):
    need("dpkg", "fakeroot")
    admin = tmp_path / "var/lib/dpkg"
    for directory in ("info", "updates"):
        (admin / directory).mkdir(parents=True)
    for file in ("status", "available"):
        (admin / file).touch()
    dpkg = ["fakeroot", "dpkg", f"--root={tmp_path}", "--force-not-root", "--force-depends", "--log=/dev/null"]
    run(*dpkg, "--unpack", *packages.values())
    before = files_below(tmp_path)
    assert "/usr/bin/warren" in before and "/usr/bin/warren-server" in before
    for script in (admin / "info").glob("*.p*"):
        script.unlink()  # they run in a chroot, where there is no shell
    run(*dpkg, "--purge", "warren", "warren-server")
    assert not [file for file in files_below(tmp_path) if "/var/lib/dpkg/" not in file]


def test_examples_have_a_word_on_every_key():
    for name in ("node", "server"):
        lines = (ROOT / "packaging" / f"{name}.json").read_text().splitlines()
        keys = [(number, line) for number, line in enumerate(lines) if re.match(r'\s+"[a-z-]+": [^{]', line)]
        assert keys
        for number, line in keys:
            assert lines[number - 1].strip().startswith("//"), line
        json.loads(re.sub(r",(\s*[}\]])", r"\1", re.sub(r"^\s*//.*$", "", "\n".join(lines), flags=re.M)))
