"""Messages of inspecting an encoder."""


class Errors:
    X730 = "Found texts of {found}; expected the source language '{source}' among them. Add its file, or give --source one of these."
    X731 = "Found layer = {layer}; expected 0 (the embeddings) to {depth} (the last layer of this encoder). Give a layer in that range, or none for the middle one."
    X732 = "Found {count} text(s) of language '{language}'; expected 2 or more. Raise the limit, add texts, or remove the file."
    X733 = "Found {count} pair(s) of '{name}' whose texts are in no other pair; expected 2 or more. Add pairs, or remove the file."
    X734 = "Found vectors of the shapes {source} and {target}; expected {expected}. Make them of texts and an encoder that fit together."
    X735 = "Found parallel text {found}; expected '{source}-LANG.tsv' with LANG one of {languages}. Rename the files, or leave --parallel out."
    X738 = "Found the same vector for all texts of the source language; expected texts that differ. Give other texts, or an encoder whose tokenizer knows the language."
