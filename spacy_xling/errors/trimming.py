"""Messages of trimming."""


class Errors:
    X720 = "No piece of '{name}' besides the special ones occurs {min_count} times or more in a language of {texts}; expected at least one. Lower --min-count, or give more texts."
    X721 = "Found max_pieces = {max_pieces}; expected {least} or more: {required} pieces are always kept (the special ones, and what the tokenizer needs). Set a higher --max-pieces."
    X722 = "Found {setting} = {found}; expected a whole number of 1 or more. Correct it."
    X723 = "The tokenizer of '{name}' is of the kind {found}; expected one of {expected}. Choose another encoder, or use this one whole."
    X724 = "The tokenizer of '{name}' numbers its pieces so that none can be removed (e.g. {pieces}); expected the added pieces after those of the vocabulary. Use this encoder whole."


class Warnings:
    W720 = "Of the pieces kept from '{name}', {n} hold characters for which the vocabulary has no continuing piece ({first} ...): a word that was unknown because of such a character may be split into pieces after trimming. All other words keep their pieces. If that is harmless, nothing needs to be done."
