"""Messages of checkpoints and models."""


class Errors:
    X301 = (
        "No checkpoint could be loaded from '{name}' ({error}); expected a folder with config.json, "
        "weights and tokenizer, or a name on the model hub. Correct the name; without a network, give a local "
        "folder."
    )
    X302 = (
        "The tokenizer of '{name}' is a slow one ({found}); expected a fast one, which knows which piece belongs "
        "to which word. Choose a checkpoint with a tokenizer.json."
    )
    X303 = (
        "The tokenizer of '{name}' needs a library that is missing ({error}). Install the extra: pip install "
        "'spacy-xling[sentencepiece]', or choose a checkpoint with a tokenizer.json."
    )
    X304 = (
        "The tokenizer of '{name}' has special pieces {found}; expected a padding piece, and pieces that start or "
        "end a text. Choose a masked-LM checkpoint with its own tokenizer."
    )
    X305 = (
        "Found window = {wanted}; expected 1 to {longest}, what this encoder can take. Set a smaller `window`, or "
        "null for the encoder's own."
    )
    X306 = (
        "Found freeze_layers = {wanted}; expected 0 to {depth}, the layers that this encoder can freeze one by "
        "one (an encoder that shares its layers has none). Set a smaller `freeze_layers`."
    )
    X307 = (
        "The LM head of {family} is of an unknown form; expected one found under {known}. Choose a checkpoint of "
        "a supported family (BERT, DistilBERT, RoBERTa, XLM-R, ALBERT, ModernBERT)."
    )
    X308 = (
        "The checkpoint '{name}' lacks {n} weights of its encoder ({first} ...); expected all of them. Choose a "
        "whole checkpoint, made for this architecture."
    )
    X309 = (
        "The encoder '{name}' isn't loaded yet; expected nlp.initialize() or spacy.load() before it is used. "
        "Call nlp.initialize(lambda: examples), or load a trained pipeline."
    )
    X310 = (
        "No model config could be read from '{path}' ({error}); expected a Hugging Face config.json, or a "
        "checkpoint. Correct the path."
    )
    X311 = "Found {setting} = {found}; expected {expected}. Correct it under [components.NAME.model]."
    X312 = (
        "The tokenizer of '{name}' has pieces up to number {highest}, but the encoder has {rows} embeddings; "
        "expected one for each piece. Use the tokenizer that belongs to the checkpoint."
    )
    X313 = (
        "No trained component in '{path}' ({error}); expected the folder that nlp.to_disk() wrote. Save the "
        "pipeline again, or copy all of its files."
    )
    X314 = (
        "The checkpoint '{name}' has no trained weights for its masked-LM head ({missing}); expected all of them. "
        "Choose a masked-LM checkpoint with its head."
    )
    X315 = (
        "The LM head of '{name}' ({family}) has a decoder of its own; expected one tied to the word embeddings, "
        "which a shared encoder has. Choose another encoder, or use xling_textcat, which takes both kinds."
    )
    X316 = (
        "The LM head isn't loaded yet, or its encoder isn't known; expected nlp.initialize() before training. "
        "Call nlp.initialize(lambda: examples), or load a pipeline that was trained with mlm_weight > 0."
    )
    X317 = (
        "The LM head of '{name}' is for another encoder: found (family, width, pieces) = {found}; expected "
        "{expected}. Choose the checkpoint that the encoder was made from."
    )
    X318 = (
        "The attention of the encoder ({family}) was changed after it was loaded: found another than torch's "
        "scaled_dot_product_attention without a mask or bias in a layer; expected that in all {layers}. Load the "
        "pipeline again, with the encoder as it should be."
    )
    X320 = (
        "No exported model is loaded; expected the folder that spacy xling export wrote. Load it with spacy.load, or "
        "with nlp.from_disk."
    )
    X321 = (
        "A library that an exported pipeline runs on is missing ({error}); expected onnxruntime and tokenizers. "
        "Install them: pip install onnxruntime tokenizers, or pip install 'spacy-xling[onnx]'."
    )
    X322 = (
        "Found torch.no_grad() or torch.inference_mode() around an update; expected none: without gradients "
        "nothing is learnt. Call nlp.update and nlp.rehearse outside of it."
    )
    X323 = (
        "No gradient of the {term} reaches a parameter: all that it depends on are frozen (requires_grad = False); "
        "expected at least one that is trained. Unfreeze some, name the component under [training] "
        "frozen_components, or, for the masked-LM loss, set mlm_weight = 0."
    )
    X330 = (
        "The file {file} of the checkpoint '{name}' has {found}, which can make transformers load code, or files that "
        "nobody looked at; expected a checkpoint that is data. Choose another, or remove the key if it works without."
    )
    X331 = (
        "The weights of '{name}' are pickles ({found}), which can run code; expected safetensors. If you trust them, set "
        "the environment variable {variable}=1, or convert them: "
        'python -c "from transformers import {model} as M, AutoTokenizer as T; '
        "[c.from_pretrained({name!r}).save_pretrained('converted') for c in (M, T)]\", and use "
        "the folder 'converted'."
    )
    X332 = (
        "The config of '{name}' has {found}, which this release of transformers can't make; expected a model that it can. "
        "Install transformers 5, or choose another checkpoint."
    )
    X333 = (
        "The encoder is of the family '{family}', whose classification head in transformers isn't known here; expected one "
        'of {known}. Choose such an encoder, or head = "plain" under [components.NAME.model].'
    )


class Warnings:
    W301 = (
        "The checkpoint '{name}' has no trained weights for its masked-LM head ({missing}). They start at random: "
        "with mlm_weight > 0 the masked-LM term first trains the head, and says little about the language until "
        "then. Choose a checkpoint with its head, or set mlm_weight = 0. (Microsoft's DeBERTa checkpoints keep "
        "their head in a form that transformers can't load.)"
    )
    W302 = (
        "Found an encoder ({family}) whose windows need padding; expected none for this family. Scores and losses are "
        "right, but take longer. Its attention isn't torch's scaled_dot_product_attention, or this release of "
        "transformers computes it differently: take one that spacy-xling was tested with (constraints.txt)."
    )
