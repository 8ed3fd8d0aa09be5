"""Canonical links, what they are, and how they are declared."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from twin.crawling import classify
from twin.errors import InputError
from twin.links import canonical_url, repository_url, shown
from twin.models import Category

ARTICLES = (Category.ARTICLES,)


@pytest.mark.parametrize(
    ("given_url", "expected"),
    [
        ("HTTPS://Ada.Example/Path/", "https://ada.example/Path"),
        (" https://ada.example ", "https://ada.example/"),
        ("https://ada.example:443/x#part", "https://ada.example/x"),
        ("http://ada.example:80/", "http://ada.example/"),
        ("http://ada.example:8080/a//b", "http://ada.example:8080/a/b"),
        ("https://ada.example./x", "https://ada.example/x"),
        ("https://user:secret@ada.example/x", "https://ada.example/x"),
        ("https://ada.example/x?utm_source=a&b=2&UTM_medium=c&fbclid=d&a=1", "https://ada.example/x?b=2&a=1"),
        ("https://ada.example/x?q=a%20b&empty=", "https://ada.example/x?q=a%20b&empty="),
        ("https://ada.example/x?r=1", "https://ada.example/x?r=1"),
        ("https://ada.substack.com/p/x?r=1ttoeh&utm_medium=ios", "https://ada.substack.com/p/x"),
        ("https://medium.com/@ada/x-123?source=rss----1", "https://medium.com/@ada/x-123"),
        ("http://www.github.com/Ada/Engine", "https://github.com/Ada/Engine"),
        ("https://uk.linkedin.com/in/ada/?trk=x", "https://www.linkedin.com/in/ada"),
        ("https://ada.example/%7eada/%e2%82%ac/ü/100%", "https://ada.example/~ada/%E2%82%AC/%C3%BC/100%25"),
        ("https://ada.example/a/./b/../c", "https://ada.example/a/c"),
        ("https://ada.example/a/%2e%2e/c", "https://ada.example/c"),
        ("https://münchen.example/", "https://xn--mnchen-3ya.example/"),
        ("http://[::1]:8000/x", "http://[::1]:8000/x"),
    ],
)
def test_every_spelling_has_one_form(given_url: str, expected: str) -> None:
    assert canonical_url(given_url) == expected
    assert canonical_url(expected) == expected


@pytest.mark.parametrize(
    "bad",
    ["", "ada.example/x", "ftp://ada.example", "javascript:alert(1)", "file:///etc/passwd", "https://", "https:///x",
     "https://a b/", "https://ada.example:99999/", "https://ada.example:x/", "https://[::1", "https://ada\\.example/",
     "https://ada.example/\n", "https://-ada.example/", "https://ada..example/", "git@github.com:ada/engine.git",
     "https://x/\ud800"],
)  # fmt: skip
def test_what_is_not_an_http_address_is_refused(bad: str) -> None:
    if bad.endswith("\n"):
        assert canonical_url(bad) == "https://ada.example/"
        bad = bad.replace("/\n", "/\nx")
    with pytest.raises(InputError, match="write it as https://HOST/PATH"):
        canonical_url(bad)


@pytest.mark.parametrize(
    "url",
    ["ftp://ada:s3cret@ada.example/x", "https://ada:a/s3cret@ada.example/x", "https://ada:s3@cret@ada..example/x",
     "https://ada:9s3?cret@ada.example/x"],
)  # fmt: skip
def test_a_refusal_shows_no_password(url: str) -> None:
    with pytest.raises(InputError, match=r"ada\.+example/x' is not a readable address") as caught:
        canonical_url(url)
    assert "cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["https://medium.com/@ada/x", "https://[::1]:80/@ada", "https://a.example:80/x@y", "https://a.example?x=y:z@a"],
)
def test_an_address_without_credentials_is_shown_as_it_is(url: str) -> None:
    assert shown(url) == url


@given(
    st.builds(
        "{}://{}{}{}{}".format,
        st.sampled_from(["http", "HTTPS"]),
        st.sampled_from(["a.example", "WWW.GitHub.com", "x.linkedin.com", "b.substack.com:443"]),
        st.text(st.sampled_from("/.%aZ2é~ +:@&=;?"), max_size=12).map(lambda path: f"/{path}"),
        st.text(st.sampled_from("?ru_tm=&%2b a/é"), max_size=12).map(lambda query: f"?{query}"),
        st.text(st.sampled_from("#ab%"), max_size=4).map(lambda fragment: f"#{fragment}"),
    )
)
def test_a_canonical_url_is_its_own_canonical_form(url: str) -> None:
    once = canonical_url(url)
    assert canonical_url(once) == once
    assert once.isascii()
    assert " " not in once


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://GitHub.com/ada/engine", "github"),
        ("http://www.github.com/ada/engine/tree/main", "github"),
        ("https://github.com.evil.example/ada/engine", "article"),
        ("https://github.com@evil.example/ada/engine", "article"),
        ("https://evil.example/https://github.com/ada/engine", "article"),
        ("https://notgithub.com/ada/engine", "article"),
        ("https://gist.github.com/ada/1", "article"),
        ("https://github.com:8443/ada/engine", "article"),
        ("https://linkedin.com/in/ada", "linkedin"),
        ("https://uk.linkedin.com/in/ada", "linkedin"),
        ("https://linkedin.com.evil.example/in/ada", "article"),
        ("https://evillinkedin.com/in/ada", "article"),
        ("https://ada.example/feed/", "feed"),
        ("https://ada.example/feed.XML?x=1", "feed"),
        ("https://medium.com/feed/@ada", "feed"),
        ("https://ada.example/index.rss", "feed"),
        ("https://ada.example/a.atom", "feed"),
        ("https://ada.example/how-to-feed-a-cat", "article"),
        ("https://ada.example/?x=feed", "article"),
    ],
)
def test_a_link_is_what_its_host_and_path_say(url: str, kind: str) -> None:
    categories = {
        "github": (Category.REPOSITORIES,),
        "linkedin": (Category.POSTS, Category.ARTICLES),
    }
    crawler, _ = classify(url)
    assert (crawler.kind, crawler.categories) == (kind, categories.get(kind, ARTICLES))


@pytest.mark.parametrize(
    "url",
    ["https://github.com/Ada/Engine", "https://github.com/ada/engine.git", "http://www.github.com/ada/engine/",
     "https://github.com/ada/engine/blob/main/README.md?plain=1#L3", "https://x:y@github.com/ada/engine"],
)  # fmt: skip
def test_a_repository_has_one_address(url: str) -> None:
    assert repository_url(url) == "https://github.com/ada/engine"


@pytest.mark.parametrize(
    "url",
    ["https://github.com/ada", "https://github.com/", "https://github.com/topics/python", "https://github.com/-x/y",
     "https://github.com/ada/.git", "https://github.com/a;b/c", "https://github.com/../ada", "https://a.example/b/c"],
)  # fmt: skip
def test_what_is_not_a_repository_is_refused(url: str) -> None:
    with pytest.raises(InputError, match=r"give https://github\.com/OWNER/NAME"):
        repository_url(url)
