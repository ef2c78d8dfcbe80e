"""Messages of windows, masks and batches."""


class Errors:
    X201 = "Windows of {window} pieces overlap by {overlap}; expected an overlap from 0 to below {room} (the window less its special pieces). Set a smaller `overlap` or a larger `window` on the encoder."
    X202 = "The tokenizer of '{name}' has no mask piece (its special pieces: {found}); the masked-LM term needs one. Choose a masked-LM checkpoint, or set mlm_weight = 0."
    X203 = "Found a masking rate of {rate}; expected a share of the pieces, above 0 and at most 1. Set e.g. rate = 0.15."
    X204 = "Found mask_share = {mask_share} and random_share = {random_share}; expected two shares of 0 or more that sum to at most 1. Set e.g. 0.8 and 0.1."
    X205 = "Found max_word_pieces = {value}; expected 1 or more. Set e.g. max_word_pieces = 10."
    X206 = "Found size = {size} and buffer = {buffer}; expected both 1 or more. Set e.g. size = 2048, buffer = 512."
    X207 = "The reader of raw text ended; expected an endless stream of texts, as spacy-xling.UnlabelledText.v1 gives. Let the reader start over, e.g. with itertools.cycle."
    X208 = "Found {name} = {found} for {what}; expected {expected}. Correct it."
    X209 = "The {what} aren't those that the checkpoint was written with; changed, missing or new: {changed}. Expected the same: bring them back, or train to another folder."
