"""The trained pipeline in a few lines. It is centred by language, so it is told the language of each text."""

import spacy

nlp = spacy.load("training/quickstart/code-switching/model-last")
texts = {"de": "Wo bleibt mein Paket?", "es": "¿Cómo cambio mi contraseña?", "ru": "Чайник не работает"}
docs = [nlp.make_doc(text) for text in texts.values()]
for doc, language in zip(docs, texts, strict=True):
    doc._.language = language
for doc in nlp.pipe(docs):
    print(doc.text, "->", max(doc.cats, key=doc.cats.get))
