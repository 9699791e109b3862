"""HTML to the text that a reader would see; quotes become "> " lines, hidden text is left out."""

import re
from html import unescape

from selectolax.lexbor import LexborHTMLParser, LexborNode

_LEFT_OUT = frozenset(
    {"script", "style", "head", "title", "template", "noscript", "svg", "object", "iframe"}
)
_BLOCKS = frozenset(
    {"address", "article", "aside", "blockquote", "center", "dd", "div", "dl", "dt", "fieldset"}
    | {"figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "li"}
    | {"main", "nav", "ol", "p", "pre", "section", "table", "tr", "ul"}
)
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "blockquote", "table", "ul", "ol"})
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|"
    r"opacity\s*:\s*0(?![.\d]*[1-9])|mso-hide\s*:\s*all",
    re.IGNORECASE,
)
_SPACE = re.compile(r"[ \t\n\r\xa0\u200b\u200c\ufeff]+")
_TAG = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9]{0,10})\b")
_MARKUP = re.compile(r"<!--.{0,20000}?-->|<[^<>]{0,5000}>", re.DOTALL)
_CLOSES_ITSELF = frozenset({"br", "img", "hr", "meta", "input", "link", "area", "col", "wbr"})
_DEPTH_MOST = 1000  # browsers stop at 512; the parser's time grows with the square of the depth
RULE = "_" * 32


class _Writer:
    """Lines under a depth of quotation."""

    def __init__(self, most: int) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.depth = 0
        self.left = most

    def text(self, text: str, *, preformatted: bool) -> None:
        if self.left <= 0:
            return
        if preformatted:
            first, *more = text.replace("\r\n", "\n").split("\n")
            self._add(first)
            for line in more:
                self.end_line()
                self._add(line)
            return
        text = _SPACE.sub(" ", text)
        if not self.line or self.line[-1].endswith(" "):
            text = text.lstrip(" ")
        self._add(text)

    def _add(self, text: str) -> None:
        if text:
            self.line.append(text[: self.left])
            self.left -= len(text)

    def end_line(self) -> None:
        self.lines.append("> " * self.depth + "".join(self.line).rstrip(" "))
        self.line = []

    def end_block(self) -> None:
        if self.line:
            self.end_line()

    def end_paragraph(self) -> None:
        self.end_block()
        if self.lines and self.lines[-1].strip("> "):
            self.end_line()

    def finish(self) -> str:
        self.end_block()
        return "\n".join(self.lines).strip("\n")


def html_to_text(html: str, *, most: int) -> str:
    """At most `most` characters; never raises on malformed HTML; nothing is fetched or run.

    HTML nested deeper than any mail program writes is only stripped of its tags.
    """
    if _is_too_deep(html):
        return _SPACE.sub(" ", unescape(_MARKUP.sub(" ", html)))[:most].strip()
    body = LexborHTMLParser(html).body
    writer = _Writer(most)
    node = body.child if body is not None else None
    while node is not None and body is not None:
        descend = _enter(node, writer)
        if descend and node.child is not None:
            node = node.child
            continue
        if descend:
            _leave(node, writer)
        following = node.next
        while following is None:
            parent = node.parent
            if parent is None or parent.mem_id == body.mem_id:
                break
            _leave(parent, writer)
            node, following = parent, parent.next
        node = following
    return writer.finish()


def _is_too_deep(html: str) -> bool:
    depth = 0
    for match in _TAG.finditer(html):
        if match[2].lower() in _CLOSES_ITSELF:
            continue
        depth = max(0, depth - 1) if match[1] else depth + 1
        if depth > _DEPTH_MOST:
            return True
    return False


def _enter(node: LexborNode, writer: _Writer) -> bool:
    """Write what comes before the children; whether to look at them."""
    if node.is_text_node:
        parent = node.parent
        writer.text(
            node.text_content or "", preformatted=parent is not None and parent.tag == "pre"
        )
        return False
    tag = node.tag or ""
    if not node.is_element_node or tag in _LEFT_OUT or _is_hidden(node):
        return False
    if tag == "br":
        writer.end_line()
        return False
    if tag in _BLOCKS:
        writer.end_block()
    if tag == "hr":
        writer.text(RULE, preformatted=False)
        writer.end_line()
        return False
    if tag == "blockquote" and writer.depth < 20:
        writer.depth += 1
    elif tag == "li":
        writer.text("- ", preformatted=False)
    elif tag == "div" and _draws_a_line_above(node):
        writer.text(RULE, preformatted=False)
        writer.end_line()
    return True


def _leave(node: LexborNode, writer: _Writer) -> None:
    tag = node.tag or ""
    if tag == "blockquote":
        writer.end_block()
        writer.depth = max(0, writer.depth - 1)
    if tag in _PARAGRAPHS:
        writer.end_paragraph()
    elif tag in _BLOCKS:
        writer.end_block()
    elif tag in ("td", "th"):
        writer.text(" ", preformatted=False)


def _is_hidden(node: LexborNode) -> bool:
    attributes = node.attributes
    return "hidden" in attributes or bool(_HIDDEN.search(attributes.get("style") or ""))


def _draws_a_line_above(node: LexborNode) -> bool:
    """Outlook sets the quoted mail off by a border above its From, Sent, To, Subject lines."""
    style = (node.attributes.get("style") or "").replace(" ", "").lower()
    return "border-top:solid#" in style and "border:none" in style
