"""Which files are the author's text: many names and contents on both sides, and .gitignore as git itself reads it."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.kit.repositories import commit, git, local, read
from twin.crawling.git.filerules import is_readme, reason_by_content, reason_by_name, reason_by_size
from twin.crawling.git.reader import GitReader
from twin.crawling.git.treerules import TreeRules

_KEPT = """
 src/environment.py keys.py vendor.py locks/lock.py secrets.py docs/credentials.md src/vendors/models.py
vendors/views.py k8s/pods/web.yaml src/virtualenv/run.py Lib/venv/__main__.py env/production.ts environments/dev.ts
src/env.ts  .env.example .env.sample .env.local.example config/env.template.env deps/requirements.txt deps/README.md
dist/notes.md dist/build.py src/build/compile.ts build/release.sh out/of/order.py target/main.rs bin/run lib/tool.rb
packages/core/index.ts test_generated.py how_code_is_generated.md docs/generated.md src/generator.py snap.py
snapshot.ts minify.js admin.js bundle.js src/bundler.js unbundle.py chart-2.js charts/react-hooks.js animate.ts
videojs.ts ace.py three.py bootstrap.js react.js d3.js vue.js jquery_helper.py my-jquery.js prototype.js LICENSE
Makefile Dockerfile .gitignore .gitattributes .github/workflows/ci.yml .docker/Dockerfile .azure/pipelines.yml
.vscode/settings.json package.json composer.json go.mod Cargo.toml pyproject.toml requirements.txt Pipfile Gemfile
deno.json tokens.json tokenizer.json token.py private.py key.py keyboard.js monkey.go src/pem.py id_rsa.pub
known_hosts.md server.crt secret.py secrets.md service_account.py client_secret.md token_json.py netrc.py
kube/config.yaml aws/main.tf main.tf variables.tfvars.example terraform.md data.csv settings.json icon.svg notebook.py
ipynb.md lockfile.py lock.py unlock.ts blocks.lock.ts src/vendoring.py third_party.md node_modules.md sitepackages.py
__init__.py __main__.py a.map.py maps/a.map origin.py backup.py übung.py 源代码/主.py קוד/ראשי.py docs/日本語.md
README.zh-CN.md
"""

SKIPPED = {
    "credentials": """
        .env .env.local .env.production prod.env .envrc deploy/id_rsa id_ed25519 ada_id_rsa deploy_rsa github-ed25519
        cert.pem server.key release.jks app.keystore secret.gpg key.p8 apns.p12 vpn.ovpn db.kdbx .netrc _netrc .npmrc
        .pypirc .pgpass .htpasswd .git-credentials credentials credentials.json credentials.yml secrets.toml
        .streamlit/secrets.toml prod.secrets.json service-account.json service_account_dev.json client_secret_1.json
        x-firebase-adminsdk-1.json google-services.json token.json terraform.tfvars prod.auto.tfvars terraform.tfstate
        terraform.tfstate.backup .ssh/config .aws/config .gnupg/x .kube/config .docker/config.json kubeconfig
        vendor/.env .vault-token ID_RSA Cert.PEM
    """,
    "vendored": """
        vendor/x.py a/vendor/b/c.go node_modules/a/index.js a/b/node_modules/c/d.ts third_party/a.c thirdparty/a.c
        3rdparty/a.c venv/lib/python3.11/site.py .venv/bin/activate env/bin/activate lib/site-packages/a.py Pods/A/a.m
        Carthage/a.swift Godeps/a.go deps/lua/src/lapi.c static/vendors/a.js .yarn/releases/yarn.cjs gradlew mvnw
        gradlew.bat config.guess ltmain.sh jquery.js jquery-3.4.1.js jquery.ui.js js/jquery.slim.js bootstrap-4.1.css
        d3.v7.js vue-2.6.12.js react-dom-16.8.0.js lodash-4.17.js mathjax/a.js cpplint.py versioneer.py
    """,
    "lock": """
        poetry.lock uv.lock Cargo.lock yarn.lock Gemfile.lock Pipfile.lock package-lock.json pnpm-lock.yaml go.sum
        composer.lock flake.lock MODULE.bazel.lock .terraform.lock.hcl Package.resolved bun.lockb gradle.lockfile
        packages.lock.json a/b/mix.lock deno.lock stack.yaml.lock
    """,
    "generated": """
        x_pb2.py x_pb2_grpc.py x_pb2.pyi a.pb.go a.pb.gw.go a.pb.cc a_pb.js a_grpc_pb.js m.g.dart m.freezed.dart
        F.Designer.cs F.g.cs app.min.js app.min.css app.js.map a.bundle.js main-bundle.js x.test.js.snap
        __snapshots__/a.snap a.generated.ts schema.generated.graphql monster_generated.h zz_generated.deepcopy.go
        project.pbxproj Main.storyboard dist/app.js packages/a/dist/index.d.ts docs/_build/index.html .idea/x.xml
        __pycache__/a.txt htmlcov/index.html .next/a.js a.py.orig a.py~ .terraform/x.json tsconfig.tsbuildinfo
    """,
    "notebook": "a.ipynb notebooks/Übung.ipynb",
}


@pytest.mark.parametrize("path", _KEPT.split())
def test_what_a_person_wrote_is_kept(path: str) -> None:
    assert reason_by_name(path) is None


@pytest.mark.parametrize(
    ("path", "reason"), [(path, reason) for reason, paths in SKIPPED.items() for path in paths.split()]
)
def test_what_nobody_of_the_project_wrote_is_left_out(path: str, reason: str) -> None:
    assert reason_by_name(path) == reason


def test_what_the_repository_says_of_a_name_is_believed_but_for_credentials() -> None:
    assert reason_by_name("vendor/mine.py", frozenset({"vendored"})) is None
    assert reason_by_name("vendor/mine_pb2.py", frozenset({"vendored"})) == "generated"
    assert reason_by_name("vendor/.env", frozenset({"vendored", "generated"})) == "credentials"


@pytest.mark.parametrize(
    ("path", "size", "reason"),
    [
        ("a.py", 2**20, None), ("a.py", 2**20 + 1, "too_large"), ("a.py", None, "too_large"), ("a.py", 0, "empty"),
        ("a.png", 5000, "binary"), ("a.png", 130, None), ("a.ts", 5000, None), ("go.mod", 5000, None),
        ("a.csv", 2000, None), ("a.csv", 70_000, "data"), ("a.json", 2000, None), ("a.json", 70_000, "data"),
        ("A.SVG", 9000, "data"), ("a.svg", 900, None), ("a.md", 900_000, None), ("openapi.yaml", 400_000, None),
    ],
)  # fmt: skip
def test_sizes(path: str, size: int | None, reason: str | None) -> None:
    assert reason_by_size(size, path) == reason


@pytest.mark.parametrize(
    ("path", "content", "reason"),
    [
        ("a.py", "x = 1\n", None),
        ("a.py", "﻿# größe\n", None),
        ("a.py", " \n\n", "empty"),
        ("a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "lfs_pointer"),
        ("lfs.md", "version https://git-lfs.github.com/spec/v1\n" + "is how a pointer begins. " * 60, None),
        ("a.go", "// Copyright\n\n// Code generated by protoc-gen-go. DO NOT EDIT.\npackage x\n", "generated"),
        ("a.py", "# -*- coding: utf-8 -*-\n# Generated by the protocol buffer compiler.  DO NOT EDIT!\n", "generated"),
        ("a.py", '"""This file was automatically generated by SWIG."""\n', "generated"),
        ("a.ts", "/* eslint-disable */\n/* @generated */\nexport {}\n", "generated"),
        ("a.cs", "//------\n// <auto-generated>\n//  This code was generated by a tool.\n", "generated"),
        ("a.java", "/**\n * Autogenerated by Thrift Compiler (0.9)\n */\n", "generated"),
        ("a.c", "/* Generated by Cython 0.29.21 */\n", "generated"),
        ("a.c", "/* A Bison parser, made by GNU Bison 3.0.  */\n", "generated"),
        ("Makefile.in", "# Makefile.in generated by automake 1.16\n", "generated"),
        ("configure", "#! /bin/sh\n# Generated by GNU Autoconf 2.69.\n", "generated"),
        ("a.py", "# How the tables are generated by hand\nx = 1\n", None),
        ("a.py", "import os\nHEAD = '''\n# This file is generated by gen.py. Do not edit.\n'''\n", None),
        ("gen.go", "package main\n\nimport \"fmt\"\n\nconst head = `\n// Code generated by x. DO NOT EDIT.\n`\n", None),
        ("gen.py", 'HEAD = """\n// @generated\n"""\n', None),
        ("find.py", "# Finds files that are marked as @generated, and skips them.\n", None),
        ("essay.md", "This file is generated by a machine, said the poet.\n", None),
        ("requirements.txt", "#\n# This file is autogenerated by pip-compile with Python 3.11\n#\nx==1\n", "lock"),
        ("requirements.txt", "x>=1\n", None),
        ("a.html", '<html><head><meta name="generator" content="Doxygen 1.9"/></head></html>', "generated"),
        ("a.html", "<html><head><title>Meta: a generator</title></head></html>", None),
        ("wide.js", "var a=1;" * 200, "minified"),
        ("short.js", 'module.exports = require("' + "deep/" * 30 + '");\n', None),
        ("chinese.js", "// 这是一个很长的注释，用来说明下面的函数如何工作以及为什么需要它。\n" * 60, None),
        ("wide.py", "x = 1  # " + "word " * 60 + "\n" + "y = 2\n" * 50, None),
        ("long.md", "word " * 9000, None),
        ("lang.md", "言葉" * 15000, None),
        ("table.py", "DATA = '" + "a" * 30000 + "'\n", "generated"),
        ("icon.py", "ICON = '" + "a" * 25000 + "'\n" + "def draw(x):\n    return x\n" * 1200, None),
        ("vue.js", "/*!\n * Vue.js v2.6\n * (c) 2014 Evan You\n */\n", "vendored"),
        ("chart.js", "// draws my charts\nexport function draw() {}\n", None),
        ("notes.txt", "-----BEGIN RSA PRIVATE KEY-----\nabc\n", "credentials"),
        ("keys.md", "How to make a key:\n\n    -----BEGIN RSA PRIVATE KEY-----\n", None),
    ],
)  # fmt: skip
def test_contents(path: str, content: str, reason: str | None) -> None:
    assert reason_by_content(path, content.encode()) == reason


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"a\0b", "binary"), ("x = 1\n".encode("utf-16"), "not_utf8"), ("grüße".encode("cp1252"), "not_utf8")],
)
def test_bytes_that_are_not_utf8(content: bytes, reason: str) -> None:
    assert reason_by_content("a.py", content) == reason


@pytest.mark.parametrize(
    ("path", "is_one"),
    [
        ("README.md", True), ("readme", True), ("Readme.rst", True), ("README.zh-CN.md", True), ("README_de.md", True),
        ("README-日本語.md", True), ("docs/README.md", False), ("README.py", False), ("readmes.md", False),
        ("README.png", False), ("read.md", False),
    ],
)  # fmt: skip
def test_readmes(path: str, is_one: bool) -> None:
    assert is_readme(path) is is_one


def _rules(folder: Path) -> TreeRules:
    reader = GitReader(folder / ".git", "it")
    return TreeRules.of(reader, reader.entries(reader.head()))


def test_ignored_and_marked_files_are_left_out_and_taken_back(tmp_path: Path) -> None:
    files = {
        ".gitignore": b"*.log\n!keep.log\n/cache/\nnotes/*\n!notes/kept.md\n# a comment\n\\#odd.md\n",
        "src/.gitignore": b"/local.py\n!back.log\n",
        ".gitattributes": b"api/** linguist-generated\napi/own.py -linguist-generated\n"
        b"vendor/mine/** linguist-vendored=false\n*.x.py linguist-vendored=true\n"
        b"tests export-ignore\n[attr]odd linguist-generated\n",
        "sub/.gitattributes": b"made.py linguist-generated=true\n",
    }
    kept = ["keep.log", "notes/kept.md", "src/back.log", "src/deep/local.py", "api/own.py", "vendor/mine/a.py",
            "tests/a.py", "made.py", "odd.py"]  # fmt: skip
    gone = {
        "gitignored": ["a.log", "cache/a.py", "notes/lost.md", "src/local.py", "#odd.md", "cache/keep.log"],
        "generated": ["api/a.py", "api/deep/b.py", "sub/made.py"],
        "vendored": ["vendor/theirs/a.py", "a.x.py"],
    }
    names = [*kept, *(path for paths in gone.values() for path in paths)]
    commit(tmp_path / "r", files | {name: f"# {name}\n".encode() for name in names})
    documents, crawl = read(local(tmp_path / "r"))
    assert sorted(documents) == sorted([*files, *kept])
    assert crawl.skipped == {reason: len(paths) for reason, paths in gone.items()}


_NAMES = ["a", "b", "build", "x.log", "keep.log", "y.py"]
_PATTERNS = st.lists(
    st.builds(
        "{}{}{}{}".format,
        st.sampled_from(["", "!", "/", "!/"]),
        st.sampled_from(["", "a/", "**/", "*/"]),
        st.sampled_from([*_NAMES, "*", "**", "*.log", "[ab]", "a*"]),
        st.sampled_from(["", "", "/", "/*", "/**", "/**/"]),
    ),
    max_size=5,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(root=_PATTERNS, nested=_PATTERNS)
@example(root=[], nested=["**/*/**"])  # what is in a folder of a/, not what is in a/ itself
@example(root=["a/**/"], nested=[])  # the folders in a/, not a/ itself
@example(root=["**/a/**", "!x.log"], nested=[])  # a/a/ with all that is in it, and a/x.log not
@pytest.mark.slow
def test_gitignore_is_read_as_git_reads_it(
    root: list[str], nested: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("r")
    git(folder, "init", "-q")
    files = {".gitignore": "\n".join(root), "a/.gitignore": "\n".join(nested)}
    paths = [
        f"{top}{middle}{name}"
        for top in ("", "a/", "build/")
        for middle in ("", "a/", "b/")
        for name in ("x.log", "keep.log", "y.py")
    ]
    for path in [*paths, *files]:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(files.get(path, "x"))
    git(folder, "add", "-f", "-A")
    git(folder, "commit", "-q", "-m", "x")
    asked = "\0".join(paths).encode()
    said = git(folder, "check-ignore", "--no-index", "--stdin", "-z", "-v", "-n", stdin=asked, codes=(0, 1)).split("\0")
    # Four fields for each: source, line, pattern, path. A pattern that takes back ignores nothing.
    by_git = {said[i + 3] for i in range(0, len(said) - 3, 4) if said[i + 2] and not said[i + 2].startswith("!")}
    rules = _rules(folder)
    assert {path for path in paths if rules.ignored(path)} == by_git


def test_hostile_patterns_take_no_time_and_ignore_nothing(tmp_path: Path) -> None:
    name = "a" * 200
    hostile = b"*a*a*a*a*a*a*a*a*a*a*a*a*b\n**/**/**/**/**/x\n[\n\\\n" + b"(a+)+$\n" * 3 + b"x" * 1000 + b"\n\xff\xfe\n"
    commit(tmp_path / "r", {".gitignore": hostile, ".gitattributes": hostile.replace(b"\n", b" linguist-generated\n"),
                            name: b"1\n", "kept.py": b"1\n"})  # fmt: skip
    rules = _rules(tmp_path / "r")
    assert not rules.ignored(name)
    assert not rules.ignored("kept.py")
    assert rules.said(name) == {}


@pytest.mark.slow
def test_patterns_of_a_stranger_are_tried_in_one_way(tmp_path: Path) -> None:
    """Each of these took the cube of the name's length, and there are as many of them as one may have."""
    name = "a" * 900
    patterns = "".join(f"{'?' * (n % 40)}*a*[!b]*{n}z\n" for n in range(2000))
    commit(tmp_path / "r", {".gitignore": patterns.encode(), **{f"{n}/{name}": b"1\n" for n in range(20)}})
    documents, crawl = read(local(tmp_path / "r"))
    assert len(documents) == 21
    assert not crawl.skipped


@pytest.mark.parametrize(
    "path",
    [
        "bootstrap" + ".1" * 1900 + "x", "jquery" + "-1.1" * 900 + "!", "dist/" * 800 + "x", ".env" + "-a" * 1900 + "!",
        "assets/vendors" * 250, "id_rsa" * 600 + "!", "a." * 1900 + "tfstate!", "\n" * 4000,
    ],
)  # fmt: skip
def test_a_hostile_name_is_read_in_one_way(path: str) -> None:
    """Some of these took a former rule longer than anybody lives."""
    assert reason_by_name(path) is None
