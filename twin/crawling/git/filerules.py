"""Which files of a repository are the author's text, by named rules. Each rule that skips a file gives its reason.

Precision comes first: a skipped file is lost to the twin. So a rule asks for a name or a mark that only a machine or
another project leaves. `twin.crawling.git.treerules` reads what the repository itself says (.gitignore,
.gitattributes).

Sources: git's own test for binary files (a NUL byte); github-linguist for the size limit, for what "vendored" and
"generated" mean and for the mean line of a minified file; Go's convention for generated code (go.dev/s/generatedcode).
The lists of names are our own selection.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from twin.crawling.git.reader import MAX_BLOB

if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

_VENDORED = frozenset([
    "node_modules", "bower_components", "jspm_packages", "vendor", "_vendor", "third_party", "third-party",
    "thirdparty", "3rdparty", "3rd_party", "3rd-party", "site-packages", "dist-packages", "__pypackages__", ".tox",
    ".nox", ".eggs", ".yarn", ".pnpm-store", "external_libs", "elm-stuff", "ace-builds", "mathjax", "tiny_mce",
    "tinymce", "ckeditor", ".svn", ".hg",
])  # fmt: skip
"""Folders that hold other projects' files; case is ignored."""

_VENDORED_PATH = re.compile(
    # A virtual environment by its contents; `vendors` and `deps` where they cannot be a shop's or the author's own.
    r"(^|/)\.?v?env/(bin|lib|lib64|include|share|Scripts)/|(^|/)(Pods|Carthage|Godeps)/|^deps/[^/]+/|"
    r"(^|/)(assets|static|public|js|css|libs?)/vendors/"
)
_MADE = frozenset([
    "__pycache__", ".next", ".nuxt", ".svelte-kit", ".terraform", ".gradle", ".dart_tool", ".ipynb_checkpoints",
    ".pytest_cache", ".mypy_cache", ".ruff_cache", ".sass-cache", ".idea", ".vs", "xcuserdata", "htmlcov",
    "__snapshots__", ".parcel-cache", ".docusaurus", "_build",
])  # fmt: skip
"""Folders that a program fills. Not `build`, `out`, `target`, `bin` and `lib`: they often hold people's work."""

_DIST = re.compile(r"(^|/)dist/(.*/)?[^/]+\.(js|mjs|cjs|jsx|css|html|ts|map|json|svg)$", re.I)
_LOCKS = frozenset([
    "package-lock.json", ".package-lock.json", "npm-shrinkwrap.json", "pnpm-lock.yaml", "pnpm-lock.yml", "bun.lockb",
    "go.sum", "go.work.sum", "package.resolved", "cartfile.resolved", ".terraform.lock.hcl", "conda-lock.yml",
    "gradle.lockfile", "packages.lock.json", "project.assets.json", "gems.locked", "cabal.project.freeze",
    "lake-manifest.json", "deno.lock", ".pnp.cjs", ".pnp.loader.mjs", "shrinkwrap.yaml", "yarn.lock",
])  # fmt: skip
_WRAPPERS = frozenset([
    "gradlew", "gradlew.bat", "mvnw", "mvnw.cmd", "config.guess", "config.sub", "ltmain.sh", "install-sh", "depcomp",
    "aclocal.m4", "libtool.m4", "ltoptions.m4", "ltsugar.m4", "ltversion.m4", "lt~obsolete.m4", "erlang.mk",
    "cpplint.py", "catch.hpp", "get-pip.py", "ez_setup.py", "versioneer.py", "normalize.css", "html5shiv.js",
])  # fmt: skip
_GENERATED = re.compile(
    r"\.min\.(js|css|mjs|cjs|html)$|\.(js|css|mjs|cjs|ts)\.map$|[-.]bundle\.(js|mjs|css)$|_pb2(_grpc)?\.pyi?$|"
    r"\.(pb(\.gw|\.validate)?|grpc\.pb)\.(go|h|hpp|c|cc|cpp|swift|dart|rs)$|_(grpc_)?pb\.(js|d\.ts|rb)$|"
    r"\.(g|freezed|gr|config)\.dart$|\.designer\.(cs|vb)$|\.g(\.i)?\.cs$|\.(snap|ambr)$|\.generated\.\w+$|"
    r"^(?!test_)\w+_generated\.(go|rs|ts|js|py|h|cc|cpp|swift|kt|dart|java|graphql)$|^zz_generated\.|\.pbxproj$|"
    r"\.(xib|storyboard|nib|xcworkspacedata)$|\.tsbuildinfo$|^lcov\.info$|^\.ds_store$|^thumbs\.db$|"
    r"\.(orig|rej|swp|swo|bak)$|~$",
    re.I,
)
_LIBRARY = re.compile(
    r"^(jquery|zepto|bootstrap|popper|modernizr|underscore|lodash|backbone|handlebars|mustache|angular|react|react-dom|"
    r"vue|ember|d3|three|chart|moment|require|respond|font-?awesome|highlight|prism|katex|swagger-ui|leaflet|plotly|"
    r"raphael|mootools|prototype|socket\.io|hammer|select2|summernote|foundation|knockout|dojo|ext-all|p5|pixi|phaser|"
    r"tailwind|bulma|animate|codemirror|ace|quill|htmx|alpine|marked|mermaid|echarts|highcharts|video|hls|axios)"
    # Possessive: a name made only of versions would otherwise backtrack for too long.
    r"(?P<version>([-.]v?\d+(\.\d+)++|\.v\d+|[-.](slim|umd|esm))*+)\.(js|mjs|cjs|css)$",
    re.I,
)
"""Libraries that people copy: recognised by a version in the name, otherwise by the banner at their top."""

_BANNER = re.compile(r"/\*!|@license|@preserve|licensed under|released under|\(c\)|copyright", re.I)
_JQUERY = re.compile(
    r"^jquery([-.](ui|migrate|validate|form|cookie|easing|fancybox))*([-.]v?\d[\w.]*)?\.(js|css)$", re.I
)
_CREDENTIALS = re.compile(
    r"^((?!.*(example|sample|template|dist|default|schema))(\.env(rc)?([._-][\w.-]+)?|[\w.-]+\.env)|"
    r"[._]?netrc|\.npmrc|\.pypirc|\.pgpass|\.my\.cnf|\.htpasswd|\.git-credentials|\.dockercfg|\.s3cfg|\.boto|"
    r"\.vault[-_]pass(word)?|\.vault-token|kubeconfig|credentials?(\.(json|ya?ml|ini|csv|txt|toml|xml|properties))?|"
    r"(.*[._-])?id_(rsa|dsa|ecdsa|ed25519)|\w+[-_](rsa|ed25519)|"
    r"[\w.-]*secrets?\.(json|ya?ml|toml|ini|env|properties|txt)|service[-_]?account[\w.-]*\.json|"
    r"client[-_]secrets?[\w.-]*\.json|[\w.-]*firebase-adminsdk[\w.-]*\.json|google-services\.json|"
    r"googleservice-info\.plist|token\.json|(terraform|[\w.-]+\.auto|secrets?)\.tfvars(\.json)?|"
    r"[\w.-]+\.tfstate(\.[\w.-]+)?|.*\.(pem|key|p8|p12|pfx|jks|keystore|keytab|kdbx?|ppk|gpg|pgp|ovpn|mobileprovision))$",
    re.I,
)
_CREDENTIALS_PATH = re.compile(r"(^|/)(\.(aws|ssh|gnupg)/|\.kube/config$|\.docker/config\.json$)")
_PRIVATE_KEY = re.compile(rb"\s*(-----BEGIN [A-Z0-9 ]*PRIVATE KEY|PuTTY-User-Key-File|AGE-SECRET-KEY-)")

_BINARY = frozenset([
    ".png", ".jpg", ".jpeg", ".gif", ".webp", ".avif", ".ico", ".icns", ".bmp", ".tif", ".tiff", ".psd", ".xcf",
    ".heic", ".pdf", ".zip", ".gz", ".tgz", ".bz2", ".xz", ".zst", ".7z", ".rar", ".jar", ".war", ".class", ".so",
    ".dll", ".dylib", ".exe", ".pyc", ".pyo", ".whl", ".woff", ".woff2", ".ttf", ".otf", ".eot", ".mp3", ".mp4",
    ".m4a", ".avi", ".mov", ".mkv", ".webm", ".wav", ".flac", ".ogg", ".sqlite", ".sqlite3", ".pt", ".pth", ".onnx",
    ".safetensors", ".npy", ".npz", ".pkl", ".pickle", ".parquet", ".feather", ".h5", ".hdf5", ".docx", ".xlsx",
    ".pptx", ".odt", ".apk", ".ipa", ".dmg", ".iso", ".wasm",
])  # fmt: skip
"""Names of binary formats, whose bytes need not be read; all other files are looked at."""

_POINTER_SIZE = 1024
"""Smaller files with such a name are looked at anyway: they may be Git LFS pointers."""

_DATA = {
    **dict.fromkeys([".csv", ".tsv", ".psv", ".jsonl", ".ndjson", ".geojson", ".topojson", ".json"], 64 * 1024),
    **dict.fromkeys([".xml", ".har", ".ply", ".stl", ".gpx", ".kml"], 128 * 1024),
    ".svg": 8 * 1024,
}
"""Data formats -> bytes above which nobody wrote the file by hand. Small ones (settings, a table, an icon) are kept."""

_LFS = b"version https://git-lfs"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_MINIFIABLE = frozenset({".js", ".mjs", ".cjs", ".css"})
_MIN_MINIFIED = 1000
_MEAN_LINE = 110
_MAX_LINE = 20_000
_PROSE = frozenset({".md", ".markdown", ".mdx", ".rst", ".txt", ".adoc", ".org", ".tex", ".qmd", ".rmd"})
_HEAD = 4096
_TOOLS = (
    r"(the )?(protocol buffer|grpc|cython|gnu (autoconf|bison|flex)|autoconf|automake|swig|thrift|flatc|bison|flex|"
    r"antlr|openapi|swagger|pip-compile|cargo|bindgen|cbindgen|sqlc|mockgen|stringer|qt|pyuic|pyrcc|uic|rcc|moc|doxygen|"
    r"sphinx|javadoc|coffeescript|roxygen2|graphql-codegen|wire|ent|jooq|peg\.?js|re2c|lemon|ragel|gengo|"
    r"deepcopy-gen|client-gen|controller-gen|uv )"
)
_SAYS_GENERATED = re.compile(
    rf"^[^\w@<\n]*(?:"
    rf"(?:the contents? of )?this (?:\w+ )?(?:file|code|module|script|header|document) (?:is|was|has been) "
    rf"(?:an? )?(?:@generated|(?:auto(?:matically)?[- ]?)?generated|machine[- ]generated)\b|"
    rf"(?:auto-?|automatically[- ])generated (?:file|code|by|from|at|on|with|using)\b|"
    rf"generated (?:automatically )?(?:by|from|with|using) {_TOOLS}|"
    rf"(?:generated|created) (?:by|from|with|using)\b.*\b(?:do not|don't) (?:edit|modify)|"
    rf"code generated\b.*\bdo not edit\b|"
    rf"(?:do not|don't) (?:edit|modify)\b.*\b(?:auto-?|automatically )?generated\b|"
    rf"makefile\.in generated by|a bison parser, made by|@generated\b|<auto-generated)",
    re.I | re.M,
)
"""A line that begins by saying that the file is generated; it counts only above the first line of code."""

_CODE = re.compile(
    r"^(import|from|def|class|const|let|var|function|export|public|using|use|fn|mod|module|namespace|return|if|type|"
    r"#\s*(include|define)|[\w.]+\s*(:?=|\())",
    re.M,
)
_MARKS = (b"enerated", b"ENERATED", b"made by GNU Bison")
_GENERATOR = re.compile(rb"<meta\s[^>]*name=[\"']?generator[\"'\s]|generated by javadoc", re.I)
_README = re.compile(r"readme([._-][\w-]+)*", re.I)


def is_readme(path: str) -> bool:
    """Whether it is the README of the whole repository, in any language: `README.md`, `README.zh-CN.md`, `readme`."""
    name = PurePosixPath(path)
    return "/" not in path and bool(_README.fullmatch(path)) and name.suffix.lower() in (*_PROSE, "", ".asciidoc")


def reason_by_name(path: str, spared: frozenset[str] = frozenset()) -> str | None:
    """Why the file at `path` is left out whatever it contains, or None.

    Args:
        spared: reasons that do not apply, because the repository says so itself.
    """
    return next((reason for reason in _reasons_by_name(path) if reason not in spared), None)


def _reasons_by_name(path: str) -> Iterator[str]:
    *folders, name = path.split("/")
    lower = name.lower()
    around = {folder.lower() for folder in folders}
    if _CREDENTIALS.match(name) or _CREDENTIALS_PATH.search(path):
        yield "credentials"
    library = _LIBRARY.match(name)
    if (
        not _VENDORED.isdisjoint(around)
        or lower in _WRAPPERS
        or (folders and _VENDORED_PATH.search(path))
        or (library and library["version"])
        or _JQUERY.match(name)
    ):
        yield "vendored"
    if lower in _LOCKS or lower.endswith((".lock", ".lock.json", ".lockfile")):
        yield "lock"
    if not _MADE.isdisjoint(around) or _GENERATED.search(name) or (folders and _DIST.search(path)):
        yield "generated"
    if lower.endswith(".ipynb"):
        # JSON with outputs and pictures between the author's lines: as it is, it reads neither as text nor as code.
        yield "notebook"


def reason_by_size(size: int | None, path: str = "") -> str | None:
    """Why a blob of `size` bytes is left out, or None; size None means that the clone left it out for its size."""
    if size is None or size > MAX_BLOB:
        return "too_large"
    suffix = PurePosixPath(path).suffix.lower()
    if size > _POINTER_SIZE and suffix in _BINARY:
        return "binary"
    if size > _DATA.get(suffix, MAX_BLOB):
        return "data"
    return "empty" if size == 0 else None


def reason_by_content(path: str, content: bytes, spared: frozenset[str] = frozenset()) -> str | None:
    """Why a file with this content is left out, or None; then it is strict UTF-8 text.

    Args:
        spared: reasons that do not apply, because the repository says so itself.
    """
    if len(content) < _POINTER_SIZE and content.startswith(_LFS):
        return "lfs_pointer"
    if content.startswith(_UTF16):
        return "not_utf8"
    if b"\0" in content:
        return "binary"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return "not_utf8"
    if not text.strip():
        return "empty"
    if _PRIVATE_KEY.match(content):
        return "credentials"
    return next((reason for reason in _reasons_by_content(path, content, text) if reason not in spared), None)


def _reasons_by_content(path: str, content: bytes, text: str) -> Iterator[str]:
    name = path.rsplit("/", 1)[-1]
    suffix = PurePosixPath(name).suffix.lower()
    if suffix in _MINIFIABLE:
        # Counted in characters: a line of Chinese has three times as many bytes.
        if len(text) > _MIN_MINIFIED and len(text) > _MEAN_LINE * (text.count("\n") + 1):
            yield "minified"
        if _LIBRARY.match(name) and _BANNER.search(text, 0, 600):
            yield "vendored"
    head = content[:_HEAD]
    marked = any(mark in head for mark in _MARKS) and _SAYS_GENERATED.search(text[:_HEAD])
    if suffix in _PROSE:
        if marked and suffix == ".txt" and name.startswith(("requirements", "constraints")):
            yield "lock"  # what pip-compile and similar tools write
        return
    if marked and not _CODE.search(text, 0, marked.start()):
        yield "generated"
    if suffix in (".html", ".htm", ".xhtml") and _GENERATOR.search(head):
        yield "generated"
    if len(text) > _MAX_LINE and _longest_line(text) > max(_MAX_LINE, len(text) // 2):
        yield "generated"


def _longest_line(text: str) -> int:
    return max(map(len, text.split("\n")))


@cache
def _patterns(lines: tuple[str, ...]) -> "GitIgnoreSpec":
    from pathspec import GitIgnoreSpec

    return GitIgnoreSpec.from_lines(lines)


def selected(path: str, include: tuple[str, ...], exclude: tuple[str, ...]) -> bool:
    """Whether gitignore-style patterns select `path`; no `include` means everything."""
    return (not include or _patterns(include).match_file(path)) and not (
        exclude and _patterns(exclude).match_file(path)
    )
