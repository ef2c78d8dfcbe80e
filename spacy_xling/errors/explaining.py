"""Messages of explaining."""


class Errors:
    X950 = "captum can't be imported ({error}); expected it for integrated gradients. Install the extra: pip install 'spacy-xling[explain]', or take the method occlusion."
    X951 = "Found the label {found!r}; expected one that the pipeline gives a score to: {known}. Correct it, or leave it out."
    X952 = "Found the method {found!r}; expected {known}. Correct it."
    X953 = "The label '{label}' has its score from {found}; expected an xling_textcat or xling_textcat_multilabel that was not exported, as integrated gradients need its encoder. Take the method occlusion, or the pipeline as it was trained."
    X954 = "The text {text!r} has no word that the classifier reads; expected at least one. Give a text with words."


class Warnings:
    W950 = "After {steps:,} steps the words' scores sum to {found:.4f}, and should sum to {expected:.4f}; expected them to differ by at most 1 % of that. Take them as approximate, or take the method occlusion."
