"""Recognise pages that stand in for an article: bot checks, sign-in pages, teasers, "not found".

They come with status 200 as well. If stored, they would become the author's words, so each is refused with one
sentence. But people also write about such pages, and real articles are surrounded by a "Sign in", a newsletter box and
the script of a bot guard. So no word alone decides while there is an article to read. Signs are looked for in the
scripts, in the title as a whole, or in a line of its own, and count only if there is little other text. For a teaser
they count only outside the text or at its very end.
"""

import re
from urllib.parse import parse_qs, urlsplit

from twin.crawling.pages.markup import Markup
from twin.crawling.pages.stand_in_phrases import (
    CHECK_LINES,
    CHECK_TITLES,
    LOGIN_LINES,
    LOGIN_TITLES,
    MISSING_TITLES,
    PAY_LINES,
    SCRIPT_LINES,
)
from twin.crawling.web.addresses import SAVE_THE_PAGE
from twin.text.words import count_words, letters_of

_SIGN_IN_AND_SAVE = f"sign in, {SAVE_THE_PAGE}"

_GUARDS: tuple[tuple[str, re.Pattern[str]], ...] = tuple(
    (name, re.compile(pattern, re.M))
    for name, pattern in (
        # Its script /cdn-cgi/challenge-platform/scripts/ is on ordinary pages as well.
        ("Cloudflare", r"_cf_chl_opt|challenge-platform/\S*orchestrate|id=(?:challenge-(?:error|form|running|stage)|"
         r"cf-(?:challenge|error-details))"),
        ("Akamai", r"id=sec-(?:if-)?cpt-|/_sec/cp_challenge/"),
        ("DataDome", r"captcha-delivery\.com"),
        ("HUMAN", r"id=px-captcha"),
        ("Imperva", r"^iframe src=\S*_Incapsula_Resource|showBlockPage\(|^script src=\S*/distil_r_captcha"),
        ("AWS WAF", r"gokuProps|awsWafCookieDomainList"),
        ("Vercel", r"/\.well-known/vercel/security/"),
        ("Kasada", r"KPSDK"),
        ("Sucuri", r"sucuri_cloudproxy_js"),
        ("DDoS-Guard", r"/\.well-known/ddos-guard/"),
        ("Anubis", r"id=anubis_challenge|/\.within\.website/x/cmd/anubis/"),
        ("Fastly", r"/_fs-ch-"),
    )
)  # fmt: skip
"""Guard -> what only its check loads."""

_WIDGETS = re.compile(
    r"hcaptcha\.com/1/api|/recaptcha/(?:api|enterprise)\.js|challenges\.cloudflare\.com/turnstile|arkoselabs|geetest|"
    r"friendlycaptcha"
)
"""Captchas that ordinary forms have as well."""

_CHECK_WORDS, _FEW_WORDS, _BARE_WORDS = 150, 60, 40
"""Words of a whole page, with navigation, below which signs count: the fewer words, the weaker the signs may be."""

_LOGIN_WORDS, _MISSING_WORDS = 150, 120
"""From this number of words a text is an article, whatever the title of its page."""

_LINE_WORDS = 30
"""A line with more words than this is a sentence of the text."""

_LOGIN_NAMES = frozenset({
    "account-login", "accounts-login", "anmelden", "auth", "authorize", "authwall", "connexion",
    "global-identity-2", "iniciar-sesion", "log-in", "login", "login.aspx", "login.html", "login.php", "oauth",
    "oauth2", "register", "sign-in", "sign-up", "sign_in", "sign_up", "signin", "signup", "sso", "uas", "wp-login.php",
})  # fmt: skip
_LOGIN_HOSTS = re.compile(
    r"(?:accounts?|auth|idp|login|signin|sso)\.|(?:[\w-]+\.)*(?:okta|auth0|onelogin)\.com$|login\.microsoftonline\.com$"
)
_CONSENT_HOSTS = re.compile(r"(?:consent|cookie-?consent|guce)\.")
_RETURNS = frozenset({
    "back", "continue", "destination", "from", "goto", "next", "r", "redir", "redirect", "redirect_to", "redirect_uri",
    "redirecturl", "return", "return_to", "return_url", "returnto", "returnurl", "sessionredirect", "then",
})  # fmt: skip
_PARTS = re.compile(r"\s+[|–—·•»-]\s+|\s*[|·•»]\s*")
"""Separators between a title and the name of its site. Not a colon: what follows it belongs to the title."""

_WALLS = frozenset(
    {"gh-post-upgrade-cta", "jetpack-subscribe-paywall", "mepr-unauthorized-message", "pmpro_content_message"}
)
"""Classes of elements that are used only in place of the rest of an article."""

_LAST_BLOCKS = 4
"""A paywall may be among this many last blocks of a text; before them an article may quote what paywalls say."""

_LOCKED = re.compile(r'content\([^)]{0,400}\)":\{[^{}]{0,200}?"isLockedPreviewOnly":(true|false)')
"""What Medium says about the story of a page; it says it in another place about stories that it recommends."""
_BOX = re.compile(r"^\w+ data-(?:component-name=Paywall|testid=paywall)$", re.M)
"""What Substack shows in place of the rest of a post."""


def stand_in(markup: Markup, *, asked: str, final: str) -> str | None:
    """What a page shows instead of an article, checked before extraction; None if it may have an article.

    Args:
        asked: the address that was requested.
        final: the address that answered, after redirects.

    Returns:
        The rest of a sentence that begins with the page's address: what the page is, and what to do.
    """
    return _challenge(markup, final) or _redirected(markup, asked, final)


def stand_in_by_text(markup: Markup, text: str | None) -> str | None:
    """What a page shows instead of an article, judged by its extracted text; None if it is an article.

    Args:
        text: the article as Markdown; None if there is none.

    Returns:
        The rest of a sentence that begins with the page's address: what the page is, and what to do.
    """
    return _missing(markup, text) or _login(markup, text) or _drawn(markup)


def preview(markup: Markup, text: str | None) -> str | None:
    """Whether a page shows only the beginning of its article to readers who have not paid; None if it does not say so.

    Args:
        text: the article as Markdown; None if there is none.

    Returns:
        The rest of a sentence that begins with the page's address: what the page is, and what to do.
    """
    shows = "shows only the beginning of its article to readers who have not paid"
    refusal = f"{shows}: {_SIGN_IN_AND_SAVE}"
    told = (_LOCKED.search(script) for script in markup.scripts)
    if locked := next(filter(None, told), None):
        # This comes first: a friend link opens a story although its JSON-LD still says that it is not free.
        return refusal if locked[1] == "true" else None
    if markup.is_free is False or markup.metas.get("article:content_tier") == "locked":
        return refusal
    if not _WALLS.isdisjoint(markup.classes) or _BOX.search(markup.machinery):
        return refusal
    blocks = [letters_of(block) for block in (text or "").split("\n") if block.strip()]
    body = "\n".join(blocks[:-_LAST_BLOCKS])
    for line in markup.lines:
        if PAY_LINES.match(line) and count_words(line) <= _LINE_WORDS and letters_of(line) not in body:
            return refusal
    return None


def _challenge(markup: Markup, final: str) -> str | None:
    host, path = urlsplit(final).hostname or "", urlsplit(final).path
    if host.endswith(".perfdrive.com") or (host.endswith(".google.com") and path.startswith("/sorry/")):
        return _check(host)
    if markup.words >= _CHECK_WORDS:
        return None
    guard = next((name for name, pattern in _GUARDS if pattern.search(markup.machinery)), "")
    is_titled = _is_titled(CHECK_TITLES, markup.title)
    is_told = any(CHECK_LINES.match(line) for line in markup.lines)
    is_bare = markup.words < _BARE_WORDS
    if is_titled and (is_told or is_bare or guard):
        return _check(guard)
    if markup.words < _FEW_WORDS and (is_told or guard):
        return _check(guard)
    return _check("") if is_bare and _WIDGETS.search(markup.machinery) and not markup.asks_for_password else None


def _check(guard: str) -> str:
    by = f" ({guard})" if guard else ""
    return f"shows a bot check{by} instead of its article: {SAVE_THE_PAGE}"


def _redirected(markup: Markup, asked: str, final: str) -> str | None:
    """Whether the address led to a page that asks to sign in or to consent."""
    before, after = urlsplit(asked), urlsplit(final)
    host = after.hostname or ""
    if (before.hostname, before.path.rstrip("/")) == (host, after.path.rstrip("/")):
        return None
    if _CONSENT_HOSTS.match(host) and host != before.hostname:
        return f"leads to a page of {host} that asks for consent, not to its article: {SAVE_THE_PAGE}"
    names = set(after.path.lower().split("/")) - set(before.path.lower().split("/"))
    is_login = bool(names & _LOGIN_NAMES) or (host != before.hostname and _LOGIN_HOSTS.match(host) is not None)
    returns = {name.lower() for name in parse_qs(after.query)} & _RETURNS
    if is_login and (returns or markup.asks_for_password or markup.words < _LOGIN_WORDS):
        return f"leads to a sign-in page of {host}, not to its article: {_SIGN_IN_AND_SAVE}"
    return None


def _login(markup: Markup, text: str | None) -> str | None:
    if count_words(text or "") >= _LOGIN_WORDS:
        return None
    is_titled = _is_titled(LOGIN_TITLES, *markup.headings)
    is_told = any(LOGIN_LINES.match(line) and count_words(line) <= _LINE_WORDS for line in markup.lines)
    has_form = markup.asks_for_password or "authwall-join-form" in markup.machinery
    # Many articles have a sign-in box beside them; here even the whole page has few words, so there is nothing else.
    is_all = markup.words < _FEW_WORDS or text is None
    if sum((is_titled, is_told, has_form)) > 1 or (is_all and (is_titled or is_told or has_form)):
        return f"shows a sign-in page instead of its article: {_SIGN_IN_AND_SAVE}"
    return None


def _missing(markup: Markup, text: str | None) -> str | None:
    if count_words(text or "") >= _MISSING_WORDS:
        return None
    title = next((title for title in markup.headings if _is_titled(MISSING_TITLES, title)), None)
    return f'answered 200 OK with a page that says "{title[:80]}": correct or remove the link' if title else None


def _drawn(markup: Markup) -> str | None:
    if markup.words < _FEW_WORDS and any(SCRIPT_LINES.match(line) for line in markup.lines):
        return f"shows its article only when scripts run: {SAVE_THE_PAGE}"
    return None


def _is_titled(phrases: re.Pattern[str], *titles: str) -> bool:
    """Whether a title is one of the phrases, with or without the name of its site."""
    parts = (part.strip(" .!") for title in titles for part in (title, *_PARTS.split(title)))
    return any(phrases.fullmatch(part) for part in parts)
