"""The trained pipeline in three lines."""

import spacy

nlp = spacy.load("training/quickstart/joint/model-best")
for doc in nlp.pipe(["Wo bleibt mein Paket?", "¿Cómo cambio mi contraseña?", "Чайник не работает"]):
    print(doc.text, "->", max(doc.cats, key=doc.cats.get))
