"""What stands in the place of an article is refused, and an article about such things is not."""

import ast
import json
from html import escape
from pathlib import Path

import pytest

from twin.crawling.pages.extract import extract_page
from twin.crawling.pages.markup import Markup
from twin.crawling.pages.stand_ins import preview, stand_in, stand_in_by_text

URL = "https://ada.example/engines"
SENTENCES = (
    "An engine has a mill and a store, and a table of cards that tells it what to do with both of them.",
    "The mill turns what it is given into something else, one step after another, and never tires of it.",
    "The store is a patient thing: it keeps a number until somebody asks, and gives it back as it was.",
)
PROSE = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)
ESSAY = "".join(f"<p>{number}. {sentence}</p>" for number in range(6) for sentence in SENTENCES)
NAV = '<nav><a href="/">Home</a><a href="/login">Sign in</a><a href="/subscribe">Subscribe</a></nav>'
NEWSLETTER = (
    '<form action="/subscribe"><p>Subscribe to my newsletter</p><input type="email"><button>Subscribe</button></form>'
)


def page(body: str, *, title: str = "On engines", head: str = "") -> str:
    return f"<!doctype html><html><head><title>{title}</title>{head}</head><body>{body}</body></html>"


def article(body: str = ESSAY, *, title: str = "On engines", head: str = "", around: str = "") -> str:
    return page(f"{NAV}<article><h1>{title}</h1>{body}</article>{NEWSLETTER}{around}", title=title, head=head)


def sign(html: str, *, final: str = URL) -> str | None:
    markup = Markup(html)
    found = stand_in(markup, asked=URL, final=final)
    if found is None:
        extracted = extract_page(html, URL)
        text = extracted.text if extracted else None
        found = stand_in_by_text(markup, text) or preview(markup, text)
    return found


CHECKS = {
    "Cloudflare": page(
        '<noscript><span id="challenge-error-text">Enable JavaScript and cookies to continue</span></noscript>'
        "<script>(function(){window._cf_chl_opt={cvId:'3',cZone:'ada.example'};})()</script>",
        title="Just a moment...",
    ),
    "Akamai": page(
        '<div id="sec-if-cpt-container"><p>Powered and protected by</p></div>'
        '<script src="/_sec/cp_challenge/ak-challenge-4-5.htm"></script>',
        title="Challenge Validation",
    ),
    "DataDome": page(
        '<p id="cmsg">Please enable JS and disable any ad blocker</p><script>var dd={"rt":"c","host":'
        '"geo.captcha-delivery.com"}</script><script src="https://ct.captcha-delivery.com/c.js"></script>',
        title="ada.example",
    ),
    "HUMAN": page(
        '<h1>Press &amp; Hold to confirm you are a human (and not a bot).</h1><div id="px-captcha"></div>'
        "<p>Access to this page has been denied because we believe you are using automation tools to browse the "
        "website. This may happen as a result of the following: Javascript is disabled or blocked by an extension; "
        "your browser does not support cookies. Please make sure that Javascript and cookies are enabled.</p>",
        title="Access to this page has been denied",
    ),
    "Imperva": page(
        '<iframe id="main-iframe" src="/_Incapsula_Resource?SWUDNSAI=31&amp;xinfo=1">Request unsuccessful. Incapsula '
        "incident ID: 1-2</iframe>",
        title="",
    ),
    "AWS WAF": page(
        "<script>window.awsWafCookieDomainList=[];window.gokuProps={}</script><noscript><h1>JavaScript is disabled</h1>"
        "In order to continue, we need to verify that you're not a robot.</noscript>"
        "<div id='challenge-container'></div>",
        title="",
    ),
    "Vercel": page(
        "<p>We're verifying your browser</p><script src='/.well-known/vercel/security/static/challenge.v2.min.js'>"
        "</script>",
        title="Vercel Security Checkpoint",
    ),
    "Anubis": page(
        '<h1>Making sure you&#39;re not a bot!</h1><script id="anubis_challenge" type="application/json">{}</script>'
        "<p>You are seeing this because the administrator of this website has set up Anubis to protect the server "
        "against the scourge of AI companies aggressively scraping websites.</p>",
        title="Making sure you&#39;re not a bot!",
    ),
}


@pytest.mark.parametrize("guard", CHECKS)
def test_checks_for_robots_are_named_by_their_guard(guard: str) -> None:
    assert sign(CHECKS[guard]) == (
        f"shows a bot check ({guard}) instead of its article: save the page from your browser and declare the file "
        "with `files:` instead"
    )


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("Nur einen Moment…", "<p>Bestätigen Sie, dass Sie ein Mensch sind.</p>"),
        ("请稍候…", "<p>正在验证您是否是真人。这可能需要几秒钟时间。</p>"),
        ("しばらくお待ちください...", "<p>人間であることを確認します。これには数秒かかる場合があります。</p>"),
        ("لحظة من فضلك...", "<p>تحقق من أنك إنسان عبر إكمال الإجراء أدناه.</p>"),
        ("רק רגע…", "<p>ודא שאתה אנושי</p>"),
        ("Pardon Our Interruption", "<p>As you were browsing something about your browser made us think.</p>"),
        ("Access Denied", '<p>You don\'t have permission to access "/engines" on this server. Reference #18.1</p>'),
        ("Attention Required! | Cloudflare", "<h1>Sorry, you have been blocked</h1>"),
        ("Security check", '<form><script src="https://www.google.com/recaptcha/api.js"></script></form>'),
        ("ada.example", "<p>Our systems have detected unusual traffic from your computer network.</p>"),
    ],
)
def test_checks_for_robots_in_other_words(title: str, body: str) -> None:
    assert "shows a bot check instead" in (sign(page(body, title=title)) or "")


@pytest.mark.parametrize(
    "html",
    [
        article(title="Just a moment..."),
        article(title="Access denied"),
        article(f"{ESSAY}<p>Verify you are human, they say.</p><h2>Checking your browser</h2>{PROSE}", title="Captcha"),
        article(f"{ESSAY}<pre>window._cf_chl_opt = {{}}; src=https://ct.captcha-delivery.com/c.js</pre>"),
        article(PROSE, title="Just a moment: a note"),
        # Scripts that guards, forms and comments put into ordinary pages.
        article(head='<script src="/cdn-cgi/challenge-platform/scripts/jsd/main.js"></script>'),
        article(head='<script src="https://js.datadome.co/tags.js"></script>'),
        article(PROSE, around='<form><script src="https://js.hcaptcha.com/1/api.js"></script><textarea></textarea></form>'),
        article(head='<script src="/_Incapsula_Resource?SWJIYLWA=1"></script>'),
        article(around='<form><label>Password</label><input type="password"><button>Log in</button></form>'),
        article(PROSE, around='<form><input type="password"><button>Log in</button></form>'),
        article(title="Sign in"),
        article(title="Page not found"),
        article(PROSE, title="Not found: a poem"),
        article(PROSE, title="Login forms done right"),
        f"<title>Access denied</title><pre>{' '.join(SENTENCES * 6)}</pre>",
    ],
    ids=lambda html: html[:60],
)  # fmt: skip
def test_articles_about_such_things_or_near_them_pass(html: str) -> None:
    assert sign(html) is None
    extracted = extract_page(html, URL)
    assert extracted is not None
    assert "The mill turns what it is given" in extracted.text


@pytest.mark.parametrize(
    "html",
    [
        page('<h1>Sign in</h1><form><input name="u"><input type="password"></form>', title="Sign in | Notes"),
        page(
            "<h1>Join LinkedIn</h1><form id='authwall-join-form'><input></form><p>Agree and join</p>", title="LinkedIn"
        ),
        page("<h1>Ada</h1><p>This is a private Substack</p><p>Request access to read what is here.</p>", title="Ada"),
        page("<p>You must be logged in to view this page.</p>", title="Members"),
        page("<h1>تسجيل الدخول</h1><form><input type='password'></form>", title="تسجيل الدخول - مدونة"),
        page("<h1>ログイン</h1><form><input type='password'></form>", title="ログイン | ノート"),
    ],
)
def test_sign_in_pages_are_told(html: str) -> None:
    assert (sign(html) or "").startswith("shows a sign-in page instead of its article: sign in, save the page")


@pytest.mark.parametrize(
    ("final", "expected"),
    [
        ("https://accounts.google.com/v3/signin?continue=x", "leads to a sign-in page of accounts.google.com"),
        ("https://medium.com/m/signin?redirect=x", "leads to a sign-in page of medium.com"),
        ("https://ada.okta.com/?r=1&next=2", "leads to a sign-in page of ada.okta.com"),
        ("https://consent.yahoo.com/v2/collectConsent", "leads to a page of consent.yahoo.com that asks for consent"),
        ("https://www.google.com/sorry/index?continue=x", r"shows a bot check (www.google.com)"),
        ("https://ada.example/engines/", None),
        ("https://www.ada.example/login-forms-and-engines", None),
    ],
)
def test_addresses_that_a_link_led_to(final: str, expected: str | None) -> None:
    found = sign(article(), final=final)
    assert found is None if expected is None else (found or "").startswith(expected)


def described(free: str, kind: str = "NewsArticle") -> str:
    return f'<script type="application/ld+json">{{"@type":"{kind}","isAccessibleForFree":{free}}}</script>'


MEDIUM = '<meta property="al:ios:app_name" content="Medium">'
SUBSTACK = '<script src="https://substackcdn.com/bundle/static/js/main.js"></script>'


def apollo(preview: str) -> str:
    content = f'"content({{}})":{{"__typename":"PostContent","isLockedPreviewOnly":{preview},"bodyModel":{{}}}}'
    others = '"Post:1":{"isLockedPreviewOnly":true}'
    return f"<script>window.__APOLLO_STATE__ = {{{content},{others}}}</script>"


@pytest.mark.parametrize(
    "html",
    [
        article(head=described("false")),
        article(head=described('"False"')),
        article(head='<script type="application/ld+json">[{"@graph":[{"@type":["BlogPosting"],'
                     '"isAccessibleForFree":"http://schema.org/False"}]}]</script>'),
        article(head='<meta property="article:content_tier" content="locked">'),
        article(head=MEDIUM + apollo("true")),
        article(head=SUBSTACK, around='<div data-testid="paywall" class="paywall"><h2>Continue</h2></div>'),
        article(around='<aside class="gh-post-upgrade-cta"><h2>This post is for subscribers only</h2></aside>'),
        article(f"{ESSAY}<h2>This post is for paid subscribers</h2>"),
        article(around="<div>Subscribe to Ada to keep reading this post and get 7 days of free access</div>"),
        article(around="<p>Continue reading with a subscription</p>"),
        article(around="<p>Read the rest of this story with a free account.</p>"),
        article(around="<p>Il vous reste 80% de cet article à lire.</p>"),
        article(around="<p>Suscríbete para seguir leyendo</p>"),
        article(around="<h2>この続きをみるには</h2>"),
        article(around="<p>订阅后继续阅读全文</p>"),
        article(around="<p>هذا المقال متاح للمشتركين فقط</p>"),
        article(around="<p>הכתבה זמינה למנויים בלבד</p>"),
    ],
    ids=lambda html: html[-120:],
)  # fmt: skip
def test_teasers_are_told(html: str) -> None:
    assert sign(html) == (
        "shows only the beginning of its article to readers who have not paid: sign in, save the page from your "
        "browser and declare the file with `files:` instead"
    )


@pytest.mark.parametrize(
    "html",
    [
        article(head=described("true")),
        article(head=described("false", "Product")),
        article(head='<script type="application/ld+json">{"@type": broken</script>'),
        article(head=MEDIUM + described("false") + apollo("false")),  # a friend's key opens it
        article(head=MEDIUM + described("true")),
        article(head=SUBSTACK + described("true"), around='<div class="paywall-jump"></div><p>Thanks for reading!</p>'),
        article(head='<meta name="generator" content="Ghost 5.8">', around='<div class="paywall"></div>'),
        article(around="<p>If you liked this, subscribe to keep reading!</p><a>Register to read more</a>"),
        article(f"<p>Continue reading with a subscription</p>{ESSAY}", title="What paywalls say"),
        article(f"<p>This post is for subscribers of any newspaper who wonder why a page ends where the story begins, "
                f"and what becomes of those who go on reading all the same until the end of the line.</p>{ESSAY}"),
        article(around="<a href='/next'>Read more</a><a href='/p'>Member-only story</a><p>Already a member?</p>"),
    ],
    ids=lambda html: html[-120:],
)  # fmt: skip
def test_free_articles_of_those_platforms_and_about_paywalls_pass(html: str) -> None:
    assert sign(html) is None


@pytest.mark.parametrize(
    ("title", "body"),
    [
        ("404", ""), ("404: Not Found", "<p>Back to the home page.</p>"), ("Page not found | Notes", NAV),
        ("Notes - Seite nicht gefunden", "<p>Leider gibt es diese Seite nicht.</p>"),
        ("Notes", "<h1>This page could not be found.</h1>"), ("ページが見つかりません | ノート", NAV),
        ("找不到页面", NAV), ("الصفحة غير موجودة", NAV), ("הדף לא נמצא", NAV), ("Page introuvable – Notes", NAV),
    ],
)  # fmt: skip
def test_a_page_that_says_it_is_not_there(title: str, body: str) -> None:
    found = sign(page(body, title=title)) or ""
    assert found.startswith('answered 200 OK with a page that says "')
    assert found.endswith("correct or remove the link")


def test_a_page_of_scripts_alone_is_told() -> None:
    html = page("<noscript>You need to enable JavaScript to run this app.</noscript><div id='root'></div>")
    assert (sign(html) or "").startswith("shows its article only when scripts run")


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (MEDIUM, "medium"), ('<script src="https://cdn-client.medium.com/lite/static/js/main.js"></script>', "medium"),
        (SUBSTACK, "substack"), ('<meta name="generator" content="Substack">', "substack"),
        ('<meta name="forem:name" content="DEV">', "forem"), ('<meta name="generator" content="Hugo 0.1">', "hugo"),
        ('<meta name="generator" content="WordPress 6.4; en">', "wordpress"),
        ('<meta name="generator" content="Notepad">', None), ("", None),
        ('<img src="https://substackcdn.com/image/fetch/x.png">', None),
        ('<meta name="author" content="Medium">', None),
        ('<a href="https://cdn-client.medium.com/lite/x.js">how Medium is built</a>', None),
    ],
)  # fmt: skip
def test_platforms_are_told_by_what_they_put_into_their_pages(head: str, expected: str | None) -> None:
    assert Markup(page(PROSE, head=head)).platform == expected


HOSTILE = [
    b"", b"\0\xff\xfe", b"<", b"<div>" * 5000, b"<i>" * 250_001, f"<script src='{'challenge-platform/' * 99_999}'>",
    f"<script type='application/ld+json'>{'[' * 99_999}</script>", f"<p>subscribe {'to ' * 99_999}</p>",
    f"<title>{'| ' * 9_999}</title>", f"<p>this post is for {'a' * 99_999}</p><p>{'- ' * 99_999}</p>",
]  # fmt: skip


@pytest.mark.parametrize("html", HOSTILE, ids=range(len(HOSTILE)))
def test_no_bytes_break_the_reading_of_markup(html: bytes | str) -> None:
    markup = Markup(html)
    assert stand_in(markup, asked=URL, final="http://[::1]/") is None
    assert stand_in_by_text(markup, None) is None
    assert preview(markup, None) is None


@pytest.mark.slow
def test_no_alarm_on_real_articles(shared_data: Path) -> None:
    """The saved pages, and the texts of the handbook with all the chrome around them, on each platform."""
    for folder in sorted((shared_data / "pages").iterdir()):
        assert sign((folder / "source.html").read_bytes().decode("utf-8", "replace")) is None, folder.name
    rows = json.loads((shared_data / "handbook" / "ArticleDocument.json").read_text())
    assert len(rows) == 76
    for row in rows:
        content = row["content"] if isinstance(row["content"], dict) else ast.literal_eval(row["content"])
        text = content["Content"]
        markup = Markup(page("".join(f"<p>{escape(line)}</p>" for line in text.split("\n")), title=content["Title"]))
        assert stand_in(markup, asked=row["link"], final=row["link"]) is None, row["link"]
        for part in (text, text[: len(text) // 2]):  # with the chrome at its end, and without
            assert stand_in_by_text(markup, part) is None, row["link"]
            assert preview(markup, part) is None, row["link"]
