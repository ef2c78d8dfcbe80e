"""Messages of exports, imports and pushes."""


class Errors:
    X725 = (
        "Pushing to '{repo}' failed ({error}); expected a hub that can be reached, and the right to write there. Log in (hf "
        "auth login, or the environment variable HF_TOKEN), correct the name, as you/name, or try again."
    )
    X726 = (
        "The repository '{repo}' is public; expected a private one. Nothing was uploaded: add --public if everyone may "
        "read the model, or choose another name."
    )
    X727 = (
        "{path} can't be used as scores of '{name}' ({error}); expected what spacy xling evaluate --json wrote of this one "
        "pipeline. Evaluate it again."
    )
    X728 = (
        "The scores in {path} are those of '{name}', and a checkpoint for transformers lacks what makes some of them ({lost}); "
        "expected scores of what is pushed. Leave --scores out; or export the checkpoint, make a pipeline from it with spacy "
        "xling import-transformers, and evaluate and push that."
    )
    X729 = (
        "The repository '{repo}' holds {n} files that spacy xling push has not made ({files}), and would lose them; expected "
        "a new one, an empty one, or one that was pushed before. Choose another name, or add --overwrite to remove them."
    )
    X739 = (
        "The output {path} holds a checkpoint with the architecture {found}; expected one for sequence classification, for "
        "an export replaces no other, so that nothing is lost. Choose another --output, or move what is there."
    )
    X760 = (
        "The pipeline has {found} for a text classifier; expected one xling_textcat or xling_textcat_multilabel. Give "
        "its name with --component, or another pipeline."
    )
    X765 = (
        "The output {path} exists and is not an empty folder; expected one that is new or empty, so that nothing is "
        "lost. Choose another --output, or add --overwrite to replace a pipeline."
    )
    X787 = (
        "The checkpoint '{name}' has no trained classification head ({missing}); expected one for sequence "
        "classification. Choose a checkpoint that was trained to classify; to train on an encoder, name it in a config."
    )
    X788 = (
        "The checkpoint '{name}' has problem_type = '{found}'; expected single_label_classification or "
        "multi_label_classification, as its outputs aren't scores of labels. Choose another checkpoint."
    )
    X789 = (
        "The checkpoint '{name}' has the labels {labels}; expected at least one, each once, as text. Correct "
        "id2label in its config.json."
    )
    X790 = (
        "The pipeline '{path}' has {found}; expected an xling_textcat or xling_textcat_multilabel to export. Give the "
        "folder of a pipeline with one."
    )
    X791 = (
        "What an export needs can't be imported ({error}); expected onnx and onnxruntime. Install the extra: pip install "
        "'spacy-xling[onnx]'."
    )
    X792 = (
        "The encoder of '{name}', of the family '{family}', can't be written as an ONNX graph ({error}); expected BERT, "
        "DistilBERT, RoBERTa, XLM-R, ALBERT or ModernBERT. Choose such an encoder, or serve the pipeline as it is."
    )
    X793 = "Found the precision '{found}'; expected one of {known}. Correct --precision."
    X794 = (
        "'{name}' in '{path}' was exported already; expected the pipeline that training wrote. Give the one that it was "
        "exported from."
    )
    X795 = (
        "{path} couldn't be written ({error}); expected a disk with room and a folder that can be written to. Make "
        "room, or choose another --output."
    )
    X796 = "Found the format '{found}'; expected one of {known}. Correct --format."
    X797 = (
        "'{name}' has {setting} = {found}, and the classification head of the family '{family}' in transformers differs; "
        'expected {expected}. Train with head = "native" under [components.{name}.model], which can always be exported, or '
        "leave --format transformers out."
    )
    X798 = "Found {option}, which is for --format {format}. Leave it out, or choose that format."
    X799 = (
        "The logits of '{name}' and those of the family '{family}' in transformers, with the same weights, differ by up to "
        "{difference:.3g}; expected the same but for rounding. Take a release of transformers that spacy-xling was tested "
        "with (constraints.txt), or serve the pipeline as it is."
    )
