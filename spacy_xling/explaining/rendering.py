"""Explanations as HTML, in the manner of displaCy: marked words, with their scores on hovering."""

from collections.abc import Sequence

from markupsafe import Markup

from .records import Explanation, WordScore

# Red, green and blue of words that raise a score, and of those that lower it.
FOR, AGAINST = "34, 135, 91", "192, 72, 24"
# The most a colour covers what is behind it, so that the word can be read on white and on black.
STRONGEST = 0.65

PAGE = Markup("""\
<!DOCTYPE html>
<html>
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Why: {title}</title>
<style>:root {{ color-scheme: light dark; }} body {{ margin: 2rem auto; max-width: 60rem; padding: 0 1rem; \
font: 16px/1.5 system-ui, sans-serif; }}</style>
</head>
<body>
<p><mark style="background: rgba({for_}, {strongest}); color: inherit;">raises the score</mark> \
<mark style="background: rgba({against}, {strongest}); color: inherit;">lowers it</mark></p>
{figures}
</body>
</html>
""")
FIGURE = Markup("""\
<figure style="margin: 0 0 2rem;">
<figcaption style="margin-bottom: 0.3rem;">
<strong>{label}</strong> {score} <small>{method}</small>
</figcaption>
{texts}
</figure>
""")
ONE = Markup('<div style="line-height: 2.2; white-space: pre-wrap;" dir="auto"{lang}>{text}</div>')
BOTH = Markup("""\
<div style="display: grid; gap: 1.5rem; \
grid-template-columns: repeat(auto-fit, minmax(min(100%, 18rem), 1fr));">
{original}
{read}
</div>""")
WORD = Markup(
    '<mark style="background: rgba({colour}, {strength:.2f}); color: inherit; padding: 0.2em 0.15em; '
    'border-radius: 0.25em;" title="{score:+.4f}">{text}</mark>'
)


def render(explanations: Sequence[Explanation], *, page: bool = False) -> Markup:
    """Make HTML of explanations: the stronger its colour, the more a word did for the score of its text. A
    translation stands beside the text that it is of.

    explanations (Sequence[Explanation]): The explanations.
    page (bool): Make a whole page, which asks for no other file.
    RETURNS (Markup): The HTML.
    """
    figures = Markup("").join(map(_figure, explanations))
    if not page:
        return figures
    title = ", ".join(dict.fromkeys(explanation.label for explanation in explanations))
    return PAGE.format(title=title, figures=figures, for_=FOR, against=AGAINST, strongest=STRONGEST)


def render_texts(explanation: Explanation) -> Markup:
    """Make an element of HTML of the marked words of a text, of a translation with the text beside it."""
    language = (explanation.language or "").replace("_", "-")
    tag = Markup(' lang="{}"').format(language) if language else ""
    if explanation.original is None:
        return ONE.format(text=_marked(explanation), lang=tag)
    original = ONE.format(text=explanation.original, lang=tag)
    return BOTH.format(original=original, read=ONE.format(text=_marked(explanation), lang=""))


def _figure(explanation: Explanation) -> Markup:
    return FIGURE.format(
        label=explanation.label,
        score=f"{explanation.score:.4f}",
        method=explanation.method.replace("_", " "),
        texts=render_texts(explanation),
    )


def _marked(explanation: Explanation) -> Markup:
    """The text, as it is written, with its words marked."""
    strongest = max(abs(word.score) for word in explanation.words) or 1.0
    parts, end = [], 0
    for word in explanation.words:
        parts += [explanation.text[end : word.start], _mark(word, strongest)]
        end = word.end
    return Markup("").join([*parts, explanation.text[end:]])


def _mark(word: WordScore, strongest: float) -> Markup:
    return WORD.format(
        colour=FOR if word.score > 0 else AGAINST,
        strength=STRONGEST * abs(word.score) / strongest,
        score=word.score,
        text=word.text,
    )
