"""Messages of making and writing an encoder."""


class Errors:
    X701 = "Found the kind of tokenizer '{found}'; expected unigram or wordpiece. Choose one of them."
    X702 = "No tokenizer of {n_pieces} pieces could be trained ({error}); expected more pieces than the texts have characters. Give more pieces, or leave out texts of another script."
    X703 = "Found {contexts} contexts in the parallel text; expected more than the {width} dimensions of the embeddings. Give more parallel text, or leave it out."
    X704 = "Found the preset '{found}'; expected one of {presets}. Choose one, or give a config file."
    X706 = "The output {path} exists and is not an empty folder; expected a folder that is new or empty, so that nothing is lost. Choose another --output, add --overwrite to replace a checkpoint, or move its content."
    X747 = "No masked-LM model could be made from the config, of the family '{family}' ({error}); expected the shape of a masked-LM model that memory has room for. Correct --config, or leave it out."
    X748 = "{library} can't be imported ({error}); expected it for {purpose}. Install the extra: pip install 'spacy-xling[pretrain]'."
