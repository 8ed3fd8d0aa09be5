"""Git's own way to the network: held to what was checked, bounded, and nothing of a capture acted on."""

import io
import re
import socket
import tarfile
import tempfile
from pathlib import Path

import pytest

from tests.kit.githost import GitHost
from tests.kit.webserver import Server, send
from twin.crawling import Fetcher
from twin.crawling.git import clone
from twin.crawling.git.clone import MovedError, Remote, packed, unpack
from twin.errors import ConsistencyError, CrawlError


def test_git_follows_no_redirect(host: GitHost, fetcher: Fetcher) -> None:
    host.push("ada/engine", {"a.py": b"1\n"})
    host.moved["/ada/old.git"] = f"{host.root}/ada/engine.git"
    with pytest.raises(MovedError, match="has moved: declare its new address"):
        Remote(f"{host.root}/ada/old.git", protocols="http", allow_loopback=True, ports=None).head()
    assert not host.asked_for("/ada/engine.git")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://127.0.0.1/x.git", "private address"), ("https://localhost/x.git", "private address"),
        ("https://10.0.0.1/x.git", "private address"), ("https://169.254.169.254/x.git", "private address"),
        ("https://[::1]/x.git", "private address"), ("https://[::ffff:10.0.0.1]/x.git", "private address"),
        ("https://[::127.0.0.1]/x.git", "private address"), ("https://[fec0::1]/x.git", "private address"),
        ("https://[64:ff9b::a00:1]/x.git", "private address"), ("https://[2002:a00:1::]/x.git", "private address"),
        ("https://168.63.129.16/x.git", "private address"),
        ("https://100.64.0.1/x.git", "private address"), ("https://0.0.0.0/x.git", "private address"),
        ("https://2130706433/x.git", "uses a number"), ("https://0x7f.1/x.git", "uses a number"),
        ("https://0177.0.0.1/x.git", "uses a number"), ("https://git.example:8443/x.git", "uses port 8443"),
        ("http://git.example/x.git", "over https only"), ("ssh://git.example/x.git", "over https only"),
        ("file:///etc", "over https only"), ("ext::sh -c id", "over https only"), ("--upload-pack=id", "https only"),
    ],
)  # fmt: skip
def test_where_git_never_connects(url: str, said: str) -> None:
    with pytest.raises(CrawlError, match=said) as caught:
        Remote(url).head()
    assert not caught.value.retryable


def test_a_name_that_leads_to_a_private_address_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    private = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.168.1.1", 443))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: private)
    with pytest.raises(CrawlError, match="leads to a private address"):
        Remote("https://git.example/x.git").head()


def test_git_is_held_to_the_address_that_was_checked(host: GitHost, monkeypatch: pytest.MonkeyPatch) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n"})
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", host.port))]]
    asked = []

    def once(name: str, *_: object, **__: object) -> object:
        asked.append(name)
        return answers.pop()

    monkeypatch.setattr(socket, "getaddrinfo", once)
    # No resolver knows this name, so git gets there by the checked address or not at all.
    url = f"http://rebound.invalid:{host.port}/ada/engine.git"
    assert Remote(url, protocols="http", allow_loopback=True, ports=None).head() == head
    assert asked == ["rebound.invalid"]


def test_a_server_of_files_sends_git_nowhere_else(server: Server, host: GitHost) -> None:
    """By git's older protocol a server may name others that have its objects, and git would ask them."""
    head = host.push("ada/engine", {"a.py": b"1\n"})
    for path, answer in {
        "info/refs?service=git-upload-pack": f"{head}\trefs/heads/main\n",
        "HEAD": "ref: refs/heads/main\n",
        "objects/info/http-alternates": f"{host.root}/ada/engine.git/objects\n",
    }.items():
        body = answer.encode()
        server.handlers[f"/x.git/{path}"] = lambda handler, body=body: send(  # type: ignore[misc]
            handler, 200, body, Content_Type="text/plain"
        )
    remote = Remote(f"{server.root}/x.git", protocols="http", allow_loopback=True, ports=None)
    assert remote.head() == head
    with pytest.raises(CrawlError, match="Git cannot read"), remote.cloned():
        pass
    assert host.asked == []


def test_no_proxy_and_no_setting_of_the_environment_reaches_git(
    host: GitHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n"})
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "http.followRedirects")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "nonsense")
    elsewhere = f'[url "http://127.0.0.1:1/"]\n\tinsteadOf = {host.root}/\n[http]\n\tproxy = http://127.0.0.1:1\n'
    for name in (".gitconfig", "git/config", "system"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(elsewhere)
    for name, value in {
        "HOME": "", "XDG_CONFIG_HOME": "", "GIT_CONFIG_GLOBAL": ".gitconfig", "GIT_CONFIG_SYSTEM": "system",
        "GIT_EXEC_PATH": "none", "GIT_SSL_CAINFO": "none", "GIT_TRACE_CURL": "trace", "GIT_TRACE": "trace",
        "GIT_ASKPASS": "none", "GIT_CURL_VERBOSE": "1", "GIT_DIR": "none", "CURL_HOME": "",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, str(tmp_path / value))
    assert Remote(f"{host.root}/ada/engine.git", protocols="http", allow_loopback=True, ports=None).head() == head
    assert not (tmp_path / "trace").exists()


@pytest.mark.slow
def test_a_clone_that_is_too_large_or_too_slow_leaves_nothing(
    host: GitHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    host.push("ada/engine", {f"{n}.bin": bytes([n]) + bytes(n * 997 % 251 for _ in range(9)) for n in range(200)})
    remote = Remote(f"{host.root}/ada/engine.git", protocols="http", allow_loopback=True, ports=None)
    monkeypatch.setattr(clone, "MAX_CLONE", 1000)
    with pytest.raises(CrawlError, match="even without its history and large files"), remote.cloned():
        pass
    monkeypatch.setattr(clone, "MAX_CLONE", 2**30)
    monkeypatch.setattr(clone, "CLONE_TIMEOUT_S", 0.0)
    with pytest.raises(CrawlError, match="took git more than") as caught, remote.cloned():
        pass
    assert caught.value.retryable
    monkeypatch.setattr(clone, "CLONE_TIMEOUT_S", 60.0)
    with remote.cloned() as reader:
        assert reader.head()
        assert len(list((tmp_path / "temporary").iterdir())) == 1
    with pytest.raises(KeyboardInterrupt), remote.cloned():
        raise KeyboardInterrupt
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_capture_is_deterministic_and_holds_nothing_that_acts(host: GitHost, tmp_path: Path) -> None:
    head = host.push("ada/engine", {"a.py": b"1\n"})
    remote = Remote(f"{host.root}/ada/engine.git", protocols="http", allow_loopback=True, ports=None)
    with remote.cloned() as reader:
        content = packed(reader, head)
        assert content == packed(reader, head)
    assert content is not None
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        names = archive.getnames()
    assert [re.sub(r"[0-9a-f]{40}", "X", name) for name in names] == [
        "HEAD", "shallow", "objects/pack/pack-X.idx", "objects/pack/pack-X.pack",
    ]  # fmt: skip
    folder = tmp_path / "unpacked"
    folder.mkdir()
    unpack(content, folder, "it")
    assert sorted(path.name for path in folder.iterdir()) == ["HEAD", "config", "objects", "refs", "shallow"]


def _tar(*members: tuple[str, bytes, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, kind, content in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "/etc/passwd"
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


HEAD = ("HEAD", tarfile.REGTYPE, b"0" * 40)
PACK = f"objects/pack/pack-{'0' * 40}.pack"


@pytest.mark.parametrize(
    "content",
    [
        b"", b"rotten", _tar(), _tar(HEAD, HEAD), _tar(HEAD, ("../HEAD", tarfile.REGTYPE, b"x")),
        _tar(HEAD, ("/etc/x", tarfile.REGTYPE, b"x")), _tar(HEAD, ("config", tarfile.REGTYPE, b"x")),
        _tar(HEAD, ("hooks/post-checkout", tarfile.REGTYPE, b"x")), _tar(HEAD, (PACK, tarfile.SYMTYPE, b"")),
        _tar(HEAD, ("shallow", tarfile.LNKTYPE, b"")), _tar(HEAD, ("objects", tarfile.DIRTYPE, b"")),
        _tar(HEAD, ("shallow", tarfile.FIFOTYPE, b"")), _tar(HEAD, (PACK, tarfile.REGTYPE, b"x"))[:600],
        _tar(HEAD, ("objects/info/alternates", tarfile.REGTYPE, b"/")),
    ],
)  # fmt: skip
def test_what_is_not_a_capture_of_a_clone_is_refused(content: bytes, tmp_path: Path) -> None:
    folder = tmp_path / "unpacked"
    folder.mkdir()
    with pytest.raises(ConsistencyError, match="is not a clone of a repository"):
        unpack(content, folder, "it")
    assert not [path for path in tmp_path.rglob("*") if path.name in ("config", "hooks", "refs") or path.is_symlink()]
