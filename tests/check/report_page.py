"""Checks a page of `cushadow report`.

    report_page.py PAGE [WORD...]

It is one file that asks for nothing: no script, no address, a policy that says
so. Elements close in order, only those that the writer makes are there, and no
attribute but its own: what a file says never becomes markup. Each WORD, JSON's
escapes allowed, stands in its text.
"""
import html.parser
import json
import sys

VOID = {"meta", "br"}
ELEMENTS = VOID | set("""html head title style body main h1 h2 h3 p ul li b bdi i
    span section div svg g rect path circle text tspan table thead tbody tr th td
    code details summary footer""".split())
ATTRIBUTES = set("""lang charset name content http-equiv class style title viewbox
    role aria-label x y width height d cx cy r rowspan unicode-bidi""".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.open, self.text, self.count = [], [], {}

    def handle_starttag(self, tag, attrs):
        assert tag in ELEMENTS or tag == "svg", (tag, self.getpos())
        for name, value in attrs:
            assert name in ATTRIBUTES, (tag, name, self.getpos())
            if name in ("style", "class"):
                assert "(" not in value and "url" not in value, value
        self.count[tag] = self.count.get(tag, 0) + 1
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        assert self.open and self.open[-1] == tag, (tag, self.open, self.getpos())
        self.open.pop()

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.text.append(data)

    def handle_comment(self, data):
        raise AssertionError(("a comment", data))

    def unknown_decl(self, data):
        raise AssertionError(("a declaration", data))


with open(sys.argv[1], encoding="utf-8", newline="") as file:
    source = file.read()
page = Page()
page.feed(source)
page.close()
assert not page.open, page.open
assert source.startswith("<!DOCTYPE html>"), source[:40]
assert "default-src 'none'" in source
style = source[source.index("<style>"):source.index("</style>")]
assert "url(" not in style and "@import" not in style
assert "prefers-color-scheme:dark" in style
text = "".join(page.text)
assert not any(c < " " and c != "\n" for c in text), "a control character"
for word in sys.argv[2:]:
    word = json.loads('"' + word + '"')
    assert word in text, word
print(*(f"{n} {tag}" for tag, n in sorted(page.count.items())), f"{len(source)} bytes", sep=", ")
