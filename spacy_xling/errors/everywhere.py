"""Messages of all folders."""


class Errors:
    X001 = 'Found {name} = {found!r}; expected pairs of a text and a number, such as [["refund", 2.0], ["late", 0.5]], or for the weights of labels "balanced". Write each text with its number in brackets.'
    X002 = "Found a text twice in {name}: {found}; expected each once. Remove one of the two."
    X003 = "The text {text!r} in {name} can't be kept in a config file, where '$' starts a variable; expected a text without. Rename the label, or at the end of a pattern write \\\\Z for $."
    X004 = "Some output couldn't be printed ({error}); expected a console or a disk with room. The files that the command writes are whole: run it again to see the rest."
    X005 = "{error}: this environment has only what serves exported pipelines; expected all that spacy-xling requires. Run the command in another, or here, after pip uninstall spacy-xling and pip install spacy-xling."
    X006 = 'Found {name} = {found}; expected pairs of two texts, such as [["da", "dan_Latn"], ["de", "deu_Latn"]]. Write each in brackets.'
    X007 = "The run recorded in {path} can't be resumed ({found}); expected the same data, model and settings as before, and the files that were there. Undo the changes, choose another output, or give --overwrite without --resume."
    X008 = "Another process is using {folder}; expected none. Wait for it, end it, or choose another output."
