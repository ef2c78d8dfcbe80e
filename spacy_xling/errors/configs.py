"""Messages of configs that are made from the data."""


class Errors:
    X740 = "The {texts} texts have the labels: {labels}; expected two or more labels, or entities and --mode shared. Give text of each class, or name the fields of text and label with spacy xling convert."
    X741 = "Some texts have several labels, or none of those they were annotated for; expected exactly one for each. Leave out --exclusive, or correct the labels."
    X742 = "{mode} training has no raw text; expected some for each target language. Add --unlabelled with a folder of files by language (da.txt ...), or choose --mode baseline."
    X743 = "Code-switching has no dictionaries; expected some for each target language. Add --dictionaries with a folder of files (en-da.tsv ...), or --parallel with parallel text to make them from."
    X744 = "Found {value!r}; expected a name without '$', which starts a variable in a config file, and is doubled when spaCy saves it. Rename the file or folder."
    X745 = "The config file {path} can't be read ({error}); expected text in UTF-8. Give a config, or convert it to UTF-8."
    X749 = "Translate-train has no translations; expected some of the labelled text into each target language. Add --translations with a folder that spacy xling translate wrote, or choose another --mode."
