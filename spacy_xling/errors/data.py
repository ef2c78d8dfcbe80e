"""Messages of readers and their files."""


class Errors:
    X101 = (
        "doc._.language is {value!r} ({type}). A string such as 'da', or None, was expected: set "
        "doc._.language to one, or leave out another package's component that sets it."
    )
    X102 = (
        "alpha is {alpha}. A number from 0 (all languages alike) to 1 (each by its number of texts) was "
        "expected: change it."
    )
    X103 = "Language {language!r} has {count} texts. A positive number was expected: leave the language out."
    X104 = (
        "paths.train (or paths.dev) is not set: the LabelledText reader got no path. A file or folder was "
        "expected: set it in [paths] or with --paths.train FILE."
    )
    X105 = (
        "paths.unlabelled is not set: the UnlabelledText reader got no path. A file or folder was expected: "
        "set it in [paths] or with --paths.unlabelled FILE."
    )
    X106 = (
        "There is nothing at {path}. A file or a folder of files by language was expected: correct the path."
    )
    X107 = (
        "The folder {path} holds {found}. Files named by language with one of {expected} were expected, such "
        "as 'da.jsonl' or 'da.jsonl.gz': rename the files or correct the path."
    )
    X108 = (
        "The name of {path} does not say its kind. One of {expected} was expected, with or without '.gz': "
        "rename or convert the file."
    )
    X109 = "The file {path} is empty. Texts were expected: fill the file or remove it."
    X110 = (
        "The gzip file {path} cannot be read: {error}. A whole gzip stream was expected: fetch or pack it "
        "again."
    )
    X111 = "{path}, line {line}: {error}. UTF-8 was expected: convert the file to UTF-8."
    X112 = (
        "{path}, line {line}: no valid JSON: {error}. One JSON object per line was expected: correct the "
        "line."
    )
    X113 = (
        "{path}, line {line}: the JSON value is a {type}. An object with named fields was expected: correct "
        "the line."
    )
    X114 = (
        "{path}, line {line}: the fields are {found}. The text was expected in the field '{field}': name the text "
        "field so, or in a config set the reader's 'text' to its name."
    )
    X115 = (
        "{path}, line {line}: the field '{field}' is {value}. A string was expected: correct the line or set "
        "the reader's 'text' to another field."
    )
    X116 = (
        "{path}, line {line}: the field '{field}' is not valid Unicode: {error}. Text without lone surrogates "
        "was expected: correct the line."
    )
    X117 = (
        "{path}, line {line}: {error}. A row with fields quoted by double quotes was expected: correct the "
        "row (a quote may be left open), or if quotes are text set quoted = false on the reader, or convert with "
        "--no-quotes."
    )
    X118 = (
        "{path}, line {line}: the row has {found} fields. {expected} were expected, as in the header: "
        "correct the row, or quote a field that holds the delimiter."
    )
    X119 = "{path}, line {line}: the header is {found}. Each name once was expected: rename the columns."
    X120 = (
        "{path}, line {line}: the fields are {found}. A class was expected in '{field}', '{labels}' or "
        "'{cats}': set the reader's 'label', 'labels' or 'cats' to the name of the field; a text without "
        "a class has the field too, empty or null."
    )
    X121 = (
        "{path}, line {line}: {filled} are all filled. One of them was expected: empty the others, or set "
        "the reader's 'label', 'labels' or 'cats' to a name that the data does not have."
    )
    X122 = (
        "{path}, line {line}: the field '{field}' is {value}. A class is a string that is not blank or a "
        "whole number: correct the line, or set the reader's 'label', 'labels' or 'cats' to the right field."
    )
    X123 = (
        "{path}, line {line}: the field '{field}' is {value}. A list of classes was expected (in CSV and "
        "TSV, classes with the reader's 'separator' between them): correct the line."
    )
    X124 = (
        "{path}, line {line}: the field '{field}' is {value}, and {beyond} is not in the field "
        "'{label_set}'. Each class that holds was expected there: add it, or remove '{label_set}'."
    )
    X125 = (
        "{path}, line {line}: the field '{field}' is {value}. An object with 0 or 1 for each class, which is "
        "there once, was expected (in JSONL only): correct the line."
    )
    X126 = (
        "{path}, line {line}: the field '{field}' is {value}. A language is a string: correct the line, or "
        "set the reader's 'lang' to another field."
    )
    X127 = (
        "The file {path} is not a DocBin: {error}. A file written by DocBin.to_disk was expected: convert it "
        "again."
    )
    X128 = (
        "No example was found in {path} ({files} files read). At least one text was expected: check that the "
        "files hold texts that are not empty."
    )
    X129 = (
        "separator is empty. What stands between two classes in CSV and TSV was expected: set it, for "
        "instance to ','."
    )
    X130 = (
        "{path} has no file of the languages {missing}; it has {found}. Each of the setting 'languages' was "
        "expected: add the file, correct 'languages', or name the language of a single file with 'language'."
    )
    X131 = (
        "language is '{language}', but {path} is a folder, whose files name their languages. A single file "
        "was expected: remove 'language' or set the path to one file."
    )
    X132 = (
        "The files of language {language} hold no text: {files}. At least one line that is not blank was "
        "expected: fill the files or leave the language out."
    )
    X133 = (
        "shuffle_buffer is {shuffle_buffer}. A number of texts of 1 (no shuffling) or more was expected: "
        "change it."
    )
    X134 = (
        "The saved state is of the files {found}. The stream reads {expected}: resume with the files that "
        "were there when the state was saved."
    )
    X135 = (
        "{path}, line {line}: the line has {columns} columns, {filled} of them with text. A text, a tab and its "
        "translation were expected: correct the line, or remove it."
    )
    X136 = "heldout_share is {share}. A share of the texts from 0 to below 1 was expected: change it, e.g. to 0.01."
    X137 = (
        "paths.parallel is not set: the ParallelText reader got no path. A file or folder was expected: set it "
        "in [paths] or with --paths.parallel FILE, or set parallel_share = 0."
    )
    X138 = (
        "{path} has no file named {missing}; it has {found}. Each of the setting 'pairs' was expected, as "
        "'en-da.tsv': add the file or correct 'pairs'."
    )
    X139 = (
        "{path} and {other} are both named '{name}'. One file for each pair of languages was expected: join "
        "them or rename one."
    )
    X140 = (
        "The shares are {dev} for dev and {test} for test; expected a sum below 1, so that something is left for "
        "train. Make them smaller, e.g. 0.1 each."
    )
    X141 = "The output {path} has none of the endings {expected}. Give it the one of the kind you want."
    X142 = (
        "{paths} exists already; expected a new file, so that nothing is lost. Choose another name, or add "
        "--overwrite."
    )
    X143 = (
        "The text {text!r} has {value} for {label!r}, which {path} can't hold; expected 0 or 1. Write a .spacy file, "
        "or round the values."
    )
    X144 = (
        "The label {label!r} can't be written to the lists of {path}, whose separator is {separator!r}; "
        "expected a label without it. Set another --separator, or write .jsonl."
    )
    X145 = "{found} is a {kind}; expected {path} to become a file in a folder. Choose another name."
    X146 = (
        "paths.dictionaries is not set: the Dictionaries reader got no path. A file or a folder of files such as "
        "en-da.tsv was expected: set it in [paths] or with --paths.dictionaries FOLDER; spacy xling init-dictionaries "
        "makes one from parallel text."
    )
    X147 = (
        "{path} is named '{name}'; expected the source and the target language with a hyphen between, as in 'en-da.tsv'. "
        "Rename the file, or take it out of the folder."
    )
    X148 = (
        "{path}, line {line}: the line has {columns} columns, {filled} of the first two with text; expected a word, a tab "
        "and its translation (in .txt a space or a tab between), and perhaps a tab and a weight. Correct the line, or "
        "remove it."
    )
    X149 = (
        "{path}, line {line}: the weight is {found!r}; expected a number above 0, up to 1e100. Correct it; a dictionary has no header "
        "and no further columns."
    )
    X150 = "{path}, line 1: found {found}, a header; expected a word and its translation. Remove the line."
    X151 = (
        "Found no dictionary {wanted} among {found}; expected one for each requested language. Add the file, or "
        "correct `source` or `targets`."
    )
    X152 = "{path} has no entry with a letter or digit; expected at least one. Fill the file, or remove it."
    X153 = "{path} and {other} are of the same two languages; expected one file for both. Join them, or remove one."
    X154 = "Found max_translations = {found}; expected 1 or more. Set e.g. max_translations = 3."
    X155 = (
        "The files of parallel text in {path} don't all start with the same language: {found}; expected that of the "
        "labelled text on one side of each. Name it with --source."
    )
    X156 = (
        "{path} has no parallel text of the source language '{source}'; it has {found}. Expected a file such as "
        "'{source}-da.tsv'. Correct --source, or rename the files."
    )
    X157 = (
        "{path} holds no text of the source language '{source}'; expected the labelled text. Correct --source, or give "
        "other text with --labelled."
    )
    X158 = (
        "No dictionary could be made from {path}; expected more pairs of texts, with words on both sides, of 40 words or "
        "fewer. Give more parallel text, or leave the file out with --pairs."
    )
    X159 = (
        "{path} holds labelled texts in {found}, and the dictionaries are of words of {sources}; expected a dictionary "
        "of the texts' language. Name the texts' language with spacy xling convert --language, or give other "
        "dictionaries."
    )
    X160 = (
        "{path} is the folder of the parallel text; expected another one, so that no text is replaced. Choose another "
        "--output."
    )
    X161 = (
        "{path} couldn't be written ({error}); expected a disk with room, a folder that can be written to, and names of "
        "valid Unicode. Make room, or choose another place or name."
    )
    X162 = (
        "The language of a text is {language!r}, and doc._.language gives {found!r}: another package has an extension of "
        "this name, which can't be set. Expected one that can: leave that package out, or give its extension another "
        "name."
    )
    X163 = (
        "{path}, line {line}: the header is {header!r}, with {found!r} between its fields and no {expected!r}; expected "
        "{expected!r}, as in any .{kind}. Save the table with commas as .csv, or with tabs as .tsv."
    )
    X164 = (
        "{path}, {place}: the text has {found:,} characters; expected {limit:,} at most. Check that it is a single text "
        "(a quote may be left open); if so, set max_length = {found} on the reader."
    )
    X165 = (
        "{path}, text {number}: the categories are {found}; expected names that are strings and not blank. Correct "
        "doc.cats, and write the file again."
    )
    X166 = (
        "The lines of {path} end in a carriage return alone, and are read as one; expected a line feed, too. Save the "
        "file with the line ends of Unix or Windows."
    )
    X167 = "{path} starts with UTF-16, or isn't text; expected text in UTF-8. Convert the file to UTF-8, or unpack it."
    X168 = "{path} can't be read ({error}); expected the right to read it, and a working disk. Fix that, or copy the file."
    X169 = (
        "The label {label!r} can't be written to {path}: it would be read back without the spaces around it; expected none. "
        "Write a .spacy file, or strip them in doc.cats."
    )
    X170 = "The file {name} has a name that is not valid Unicode; expected a language before its first dot. Rename it."
    X171 = "Found the seed {found!r}; expected a whole number from 0 to 2 ** 32 - 1. Set e.g. seed = 0."
    X172 = "Found a file twice among those to write: {paths}; expected each once. Give each its own name."
    X173 = (
        "{path} is there, and is, holds or is part of {read}, which is read; expected another file or folder, so that nothing "
        "is lost. Choose another name."
    )
    X174 = (
        "paths.translations is not set: the Translations reader got no path. A file or a folder of files by language was "
        "expected: set it in [paths] or with --paths.translations FOLDER; spacy xling translate writes one."
    )
    X175 = (
        "{path}, line {line}: the fields are {found}. The text that was translated was expected in the field '{field}': give "
        "what spacy xling translate writes, or set the reader's 'source_text' to the name of the field."
    )
    X176 = (
        "{path}, line {line}: the record doesn't name the language of its text. A language was expected in the field "
        "'{field}': add it, name the file by it in a folder, or set the reader's 'language'."
    )
    X177 = (
        "Found no translation in {path} ({records} records: {doubted} in doubt, the others without text, or in the language "
        'that they were in before); expected at least one. Translate with spacy xling translate, or set on_doubt = "use".'
    )
    X178 = (
        "{path} has no translations into {missing}; it has some into {found}. Each of the setting 'languages' was expected: "
        "translate into it, or correct 'languages'."
    )
    X181 = "{path}, line {line}: two fields have one name among {found}; expected each name once. Correct the line."


class Warnings:
    W160 = (
        "Found labels that differ only in case, whitespace or Unicode form ({count}): {found}. They are different classes; "
        "expected one spelling for each. Spell them alike."
    )
    W161 = (
        "Found languages that differ only in case, whitespace or Unicode form ({count}): {found}. They are different "
        "languages; expected one spelling for each. Spell them alike."
    )
