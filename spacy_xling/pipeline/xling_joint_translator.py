"""The translator under the joint objective."""

import warnings
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example, validate_examples, validate_get_examples
from spacy.vocab import Vocab
from thinc.api import Model

from ..data.codes import match_code
from ..data.doc_translations import get_translation, get_translation_language, set_translation
from ..data.languages import get_language
from ..data.sources import RawText
from ..errors import Errors, Warnings
from ..models.architectures import translation_shim
from ..objective.translation import TranslationObjective
from ..pieces.masking import Masking
from ..pieces.windows import select_texts, without_specials
from ..training.ranks import ranks
from ..translation.trained import BEAMS, TrainedEngine
from ..translation.translator import DEFAULTS, Settings, Translation, Translator, check_settings
from ..types import TranslatedPieces, TranslationBatch, TranslationGradients
from .masked_term import MaskedTerm
from .saved import SavedPipe


class XlingJointTranslator(MaskedTerm, SavedPipe):
    """Translation, trained on parallel text and, through the masked-LM term, on raw text of all its
    languages.

    It reads `doc.text`, sentence by sentence, and writes `doc._.translation`. The language of the translation
    is `doc._.translation_language` where that is set, else the target of the component. In training they are
    read of the reference: one without a translation takes no part.
    """

    objective: TranslationObjective

    def __init__(
        self,
        vocab: Vocab,
        model: Model,
        name: str = "xling_joint_translator",
        *,
        objective: TranslationObjective,
        masking: Masking,
        target: str | None = None,
        settings: Settings = DEFAULTS,
        scorer: Callable | None = None,
        texts_per_update: int | None = None,
        pieces_per_update: int | None = None,
        seed: int = 0,
    ) -> None:
        """Make the component; nothing is loaded yet.

        vocab (Vocab): The shared vocabulary.
        model (Model): From `spacy-xling.JointTranslation.v1`.
        name (str): Name of the instance. Losses are kept under it.
        objective (TranslationObjective): From `spacy-xling.TranslationObjective.v1`.
        masking (Masking): How pieces are masked, e.g. `spacy-xling.whole_word_masking.v1`.
        target (str | None): The language to translate into, where a Doc doesn't say it; None for the only
            one that there is.
        settings (Settings): How texts are translated; `window` plays no part.
        scorer (Callable | None): The scoring method.
        texts_per_update (int | None): How many windows of raw text go with each call of `update`; a
            text that fits the encoder is one window.
        pieces_per_update (int | None): Instead of that, how many pieces of raw text. With neither, as
            many as the texts of the batch have.
        seed (int): Seed of the masks.
        RAISES (ValueError): X810: a setting is too small. X820: another kind of objective.
        """
        if not isinstance(objective, TranslationObjective):
            raise ValueError(Errors.X820.format(name=name, found=type(objective).__name__))
        self.vocab = vocab
        self.model = model
        self.name = name
        self.objective = objective
        check_settings(settings)
        self.settings = settings
        self.scorer = scorer
        self.cfg = {"languages": [], "target": target}
        self._has_warned = False
        self._set_masked_term(
            masking, texts_per_update=texts_per_update, pieces_per_update=pieces_per_update, seed=seed
        )

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages that it translates into, in the order of their numbers."""
        return tuple(self.cfg["languages"])

    @property
    def target(self) -> str | None:
        """The language to translate into, where a Doc doesn't say it; None for the only one that there is. It
        is saved with the component.
        """
        return self.cfg["target"]

    @target.setter
    def target(self, target: str | None) -> None:
        self.cfg["target"] = target

    @property
    def loss_names(self) -> dict[str, str]:
        """Where `update` adds up the objective and, before lambda, its terms: column title to key."""
        return {
            "loss": self.name,
            "translation": f"{self.name}_translation",
            "mlm": f"{self.name}_mlm",
        }

    @property
    def engine(self) -> TrainedEngine:
        """The model, as `spacy xling translate` takes one.

        RAISES (ValueError): Nothing was loaded yet.
        """
        beams = self.settings.beams or BEAMS
        return TrainedEngine(translation_shim(self.model), self.languages, self.name, beams=beams)

    # Translating

    def predict(self, docs: Iterable[Doc]) -> list[Translation]:
        """Translate a batch of documents, without changing them.

        docs (Iterable[Doc]): The documents.
        RETURNS (list[Translation]): Their translations.
        RAISES (ValueError): Nothing was loaded yet, or a target language isn't known.
        """
        docs = list(docs)
        translations: dict[int, Translation] = {}
        rows: dict[str, list[int]] = {}
        for number, doc in enumerate(docs):
            rows.setdefault(self._target_of(doc), []).append(number)
        engine = self.engine
        for target, numbers in rows.items():
            translator = Translator(lambda source: engine, target, self.settings)
            texts = [
                translator.split(RawText(docs[number].text, get_language(docs[number]))) for number in numbers
            ]
            translations.update(zip(numbers, translator.translate(texts), strict=True))
        return [translations[number] for number in range(len(docs))]

    def set_annotations(self, docs: Iterable[Doc], translations: Sequence[Translation]) -> None:
        """Write translations to `doc._.translation`, and their doubts to `doc._.translation_doubt`.

        docs (Iterable[Doc]): The documents.
        translations (Sequence[Translation]): What `predict` gave.
        """
        for doc, translation in zip(docs, translations, strict=True):
            set_translation(doc, translation.text, doubts=translation.doubts)

    def _target_of(self, doc: Doc) -> str:
        found = get_translation_language(doc) or self.target
        if found is None and len(self.languages) == 1:
            return self.languages[0]
        if found is None:
            raise ValueError(Errors.X828.format(name=self.name, known=", ".join(self.languages) or "none"))
        return found

    # Training

    def _learn(self, examples: list[Example], drop: float) -> dict[str, float]:
        """L = translation loss + lambda * masked-LM loss, see `spacy-xling.TranslationObjective.v1`."""
        self._shim.require_gradients()
        validate_examples(examples, "XlingJointTranslator.update")
        weight = self.objective.mlm_weight_at(self._step)
        translated = self._translated(examples)
        masked = None
        if weight > 0:
            self._require_raw_text(weight)
            n_pieces = 1 if translated is None else len(translated.sources.ids)
            masked = self._take_masked(self._split([]), n_pieces)
        batch = TranslationBatch(translated, masked, self.objective.label_smoothing)
        (translation_sum, mlm_sum), backprop = self.model.begin_update(batch)
        # Each translation has its end piece, too.
        n_targets = 0 if translated is None else len(translated.targets.ids) + translated.targets.n_texts
        d_translation = self.objective.mean_factor(ranks().total(n_targets))
        translation_loss = d_translation * translation_sum
        d_mlm, mlm_loss = self._mlm_term(mlm_sum, masked)
        if not np.isfinite(translation_loss + mlm_loss):
            text = Errors.X825.format(step=self._step, translation_loss=translation_loss, mlm_loss=mlm_loss)
            raise ValueError(text)
        backprop(TranslationGradients(d_translation, weight * d_mlm))

        terms = {
            "loss": translation_loss + weight * mlm_loss,
            "translation": translation_loss,
            "mlm": mlm_loss,
        }
        return {key: terms[title] for title, key in self.loss_names.items()}

    def _number(self, language: str) -> int:
        found = match_code(language, self.languages)
        if found is None:
            known = ", ".join(self.languages)
            raise ValueError(Errors.X821.format(name=self.name, known=known, found=language))
        return self.languages.index(found)

    def _translated(self, examples: Sequence[Example]) -> TranslatedPieces | None:
        """The pieces of texts and translations, those that can't be learnt from left out."""
        pairs = [(eg, text) for eg in examples if (text := get_translation(eg.reference)) is not None]
        if not pairs:
            return None
        languages = [self._number(self._target_of(eg.reference)) for eg, _ in pairs]
        sources = self._split([eg.predicted.text for eg, _ in pairs])
        targets = self._split([text for _, text in pairs])
        fits = np.ones(sources.n_texts, dtype=bool)
        for side in (sources, targets):
            fits &= side.has_words & (np.bincount(side.texts, minlength=side.n_texts) == 1)
        # A special piece that stands in a text would be learnt as one of its pieces: the end, say, in its
        # middle.
        special = targets.is_word & np.isin(targets.ids, translation_shim(self.model).special_ids)
        fits[np.repeat(targets.texts, targets.lengths)[special]] = False
        if not fits.all() and not self._has_warned:
            self._has_warned = True
            longest = translation_shim(self.model).longest
            text = Warnings.W820.format(count=int((~fits).sum()), name=self.name, longest=longest)
            warnings.warn(text, stacklevel=5)
        if not fits.any():
            return None
        return TranslatedPieces(
            select_texts(sources, fits),
            without_specials(select_texts(targets, fits)),
            np.array(languages, dtype=np.int64)[fits],
        )

    def _require_raw_text(self, weight: float) -> None:
        if self._raw is None:
            raise ValueError(Errors.X827.format(name=self.name, weight=weight))

    # Preparing

    def initialize(
        self,
        get_examples: Callable[[], Iterable[Example]],
        *,
        nlp: Language | None = None,
        languages: list[str] | None = None,
        unlabelled: Callable | None = None,
        heldout_texts: int = 0,
        heldout_languages: list[str] | None = None,
    ) -> None:
        """Read the checkpoint, and get ready to train.

        get_examples (Callable[[], Iterable[Example]]): Gives a representative sample of the training data.
        nlp (Language | None): The pipeline.
        languages (list[str] | None): The languages to translate into; None for those of the examples, of
            which spaCy gives 100 with `max_epochs = -1`.
        unlabelled (Callable | None): A reader of raw text, e.g. `spacy-xling.UnlabelledText.v1`. With
            mlm_weight 0 it is not called.
        heldout_texts (int): How many texts of each language that the reader keeps from training (by its
            `heldout_share`) to measure the masked-LM loss on at each evaluation; see `heldout_scores`.
        heldout_languages (list[str] | None): Those languages; None for all.
        RAISES (ValueError): No translations; lambda > 0 without raw text; a checkpoint that doesn't load;
            `heldout_texts` without such texts.
        """
        validate_get_examples(get_examples, "XlingJointTranslator.initialize")
        if languages is None:
            references = [eg.reference for eg in get_examples()]
            translated = [doc for doc in references if get_translation(doc) is not None]
            found = {get_translation_language(doc) or self.target for doc in translated}
            languages = sorted(language for language in found if language is not None)
        if not languages:
            raise ValueError(Errors.X824.format(name=self.name))
        self.cfg["languages"] = list(dict.fromkeys(languages))
        self._reset_training()
        self._read_unlabelled(unlabelled, nlp)
        if self.objective.has_mlm:
            self._require_raw_text(self.objective.mlm_weight_at(0))
        translation_shim(self.model).initialize(len(self.languages))
        if self._raw is not None:
            _ = self._shim.masking_vocabulary
        self.attach_heldout(unlabelled, limit=heldout_texts, languages=heldout_languages)
