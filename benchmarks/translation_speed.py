"""How fast is `spacy xling translate`, beside what a user would write instead?

    python benchmarks/translation_speed.py TEXTS [--n-texts 500] [--beams 1] [--repeats 3] [--ctranslate2]

TEXTS is a file or folder of raw text. The model is a Marian of 6 + 6 layers of 256 with 8,000 pieces, whose
weights are random, on which speed doesn't depend. Such a model comes to no end by itself: on both sides a
translation ends once it has as many pieces as its source, by a logits processor that sees the attention mask.
Peer: a loop over batches of 32 texts in the given order, padded to the longest, `model.generate` and
`batch_decode`, in fp32 with the same beams, as transformers' own pipeline has it. With --ctranslate2 the same
model, converted, which can't be ended like this: both CTranslate2 alone and through `translate` have a limit
of 64 pieces. Texts are whole on all sides, nothing is translated twice, and the runs take turns in one
process. Prints texts per second: median, least and greatest of the repeats.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

import sentencepiece
import torch
import transformers
from transformers import AutoTokenizer, LogitsProcessor, MarianConfig, MarianMTModel

from spacy_xling.data.files import find_files
from spacy_xling.data.sources import RawText
from spacy_xling.data.unlabelled import read_texts
from spacy_xling.translation.ctranslate import CTranslate2Engine
from spacy_xling.translation.seq2seq import Engine, Seq2SeqEngine
from spacy_xling.translation.translator import Settings, Translator

BATCH = 32
N_PIECES = 8000
CONVERTED_LIMIT = 64
Translate = Callable[[list[str]], list[str]]
CPU = torch.device("cpu")


class EndsAtTheSourcesLength(LogitsProcessor):
    """Ends each translation once it has as many pieces as its source.

    lengths (torch.Tensor): Pieces of each source. *Shape:* (sentences * beams,)
    end (int): The end piece.
    """

    def __init__(self, lengths: torch.Tensor, end: int) -> None:
        self.lengths = lengths
        self.end = end

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        over = self.lengths <= input_ids.shape[1]
        scores[:, self.end] = torch.where(over, 0.0, -torch.inf)
        others = torch.ones(scores.shape[1], dtype=torch.bool)
        others[self.end] = False
        return torch.where(over[:, None] & others, -torch.inf, scores)


def end_translations(model: Any) -> None:
    """Let a model end its translations as described above."""
    generate = model.generate

    def ended(**inputs: Any) -> Any:
        lengths = inputs["attention_mask"].sum(1).repeat_interleave(inputs["num_beams"])
        end = model.generation_config.eos_token_id
        return generate(**inputs, logits_processor=[EndsAtTheSourcesLength(lengths, end)])

    model.generate = ended


def make_marian(folder: Path, texts: list[str]) -> None:
    """Write a Marian checkpoint with random weights, and a tokenizer of the texts."""
    for name in ("source.spm", "target.spm"):
        with (folder / name).open("wb") as file:
            sentencepiece.SentencePieceTrainer.train(
                sentence_iterator=iter(texts), model_writer=file, vocab_size=N_PIECES, minloglevel=2
            )
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "source.spm"))
    pieces = [model.id_to_piece(number) for number in range(3, model.get_piece_size())]
    vocabulary = {piece: number for number, piece in enumerate(["</s>", "<unk>", *pieces, "<pad>"])}
    (folder / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    settings = {"tokenizer_class": "MarianTokenizer", "model_max_length": 512}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    padding = vocabulary["<pad>"]
    torch.manual_seed(0)
    MarianMTModel(
        MarianConfig(
            vocab_size=len(vocabulary),
            decoder_vocab_size=len(vocabulary),
            d_model=256,
            encoder_layers=6,
            decoder_layers=6,
            encoder_attention_heads=8,
            decoder_attention_heads=8,
            encoder_ffn_dim=2048,
            decoder_ffn_dim=2048,
            max_position_embeddings=512,
            pad_token_id=padding,
            decoder_start_token_id=padding,
            eos_token_id=0,
            forced_eos_token_id=0,
        )
    ).save_pretrained(folder)
    AutoTokenizer.from_pretrained(folder).save_pretrained(folder)


def loop(folder: Path, beams: int) -> Translate:
    """What a user would write."""
    tokenizer, model = AutoTokenizer.from_pretrained(folder), MarianMTModel.from_pretrained(folder)
    end_translations(model)

    def translate(texts: list[str]) -> list[str]:
        found = []
        for start in range(0, len(texts), BATCH):
            batch = texts[start : start + BATCH]
            pieces = tokenizer(batch, padding=True, truncation=True, return_tensors="pt")
            with torch.inference_mode():
                generated = model.generate(
                    **pieces, num_beams=beams, early_stopping=beams > 1, max_new_tokens=510
                )
            found += tokenizer.batch_decode(generated, skip_special_tokens=True)
        return found

    return translate


def own(engine: Engine, settings: Settings) -> Translate:
    """`translate`, from texts to translations."""
    translator = Translator(lambda source: engine, "da", settings)
    return lambda texts: [found.text for found in translator.pipe(RawText(text, "en") for text in texts)]


def converted(folder: Path, beams: int) -> Translate:
    """CTranslate2 by itself, which sorts and batches too."""
    import ctranslate2

    tokenizer, model = AutoTokenizer.from_pretrained(folder), ctranslate2.Translator(str(folder))

    def translate(texts: list[str]) -> list[str]:
        pieces = [tokenizer.convert_ids_to_tokens(row) for row in tokenizer(texts)["input_ids"]]
        results = model.translate_batch(
            pieces,
            beam_size=beams,
            max_decoding_length=CONVERTED_LIMIT,
            max_batch_size=2048,
            batch_type="tokens",
        )
        return [tokenizer.convert_tokens_to_string(result.hypotheses[0]) for result in results]

    return translate


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("texts", type=Path)
    parser.add_argument("--n-texts", type=int, default=500)
    parser.add_argument("--beams", type=int, default=1)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--ctranslate2", action="store_true")
    arguments = parser.parse_args()
    transformers.logging.set_verbosity_error()
    torch.set_num_threads(1)
    every = list(islice(read_texts(find_files(arguments.texts)), 20_000))
    texts = every[:: max(1, len(every) // arguments.n_texts)][: arguments.n_texts]
    settings = Settings(beams=arguments.beams, split=False, retry=False)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "marian"
        folder.mkdir()
        make_marian(folder, every)
        engine = Seq2SeqEngine(str(folder), precision="fp32", device=CPU)
        end_translations(engine.model)
        ways = {"loop": loop(folder, arguments.beams), "translate": own(engine, settings)}
        if arguments.ctranslate2:
            ways.update(ways_of_ctranslate2(folder, arguments.beams, settings))
        seconds: dict[str, list[float]] = {way: [] for way in ways}
        found = {}
        for _ in range(arguments.repeats):
            for way, translate in ways.items():
                started = time.process_time()
                found[way] = translate(texts)
                seconds[way].append(time.process_time() - started)
    same = sum(map(str.__eq__, found["loop"], found["translate"]))
    print(f"{len(texts)} texts, {arguments.beams} beams; {same} are the same by loop and translate")
    print("| way | texts/s | least | greatest | x loop |\n|---|---|---|---|---|")
    for way, took in seconds.items():
        rates = [len(texts) / one for one in took]
        ratio = median(seconds["loop"]) / median(took)
        print(f"| {way} | {median(rates):.1f} | {min(rates):.1f} | {max(rates):.1f} | {ratio:.2f} |")


def ways_of_ctranslate2(folder: Path, beams: int, settings: Settings) -> dict[str, Translate]:
    """The checkpoint converted, by itself and through `translate`."""
    import ctranslate2

    target = folder.with_name("converted")
    files = ["source.spm", "target.spm", "vocab.json", "tokenizer_config.json"]
    ctranslate2.converters.TransformersConverter(str(folder), copy_files=files).convert(str(target))
    engine = CTranslate2Engine(str(target), precision="fp32", device=torch.device("cpu"))
    # As many pieces as its own limit below.
    limited = settings._replace(length_ratio=0.1)
    engine.generate = limit_to(engine.generate)
    return {"CTranslate2": converted(target, beams), "translate, CTranslate2": own(engine, limited)}


def limit_to(generate: Callable[..., Any]) -> Callable[..., Any]:
    """Give each batch the one limit."""
    return lambda *arguments, **settings: generate(*arguments, **{**settings, "limit": CONVERTED_LIMIT})


if __name__ == "__main__":
    main()
